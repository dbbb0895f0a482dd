package main

import (
	"errors"
	"fmt"
	"strings"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

// clientFlags say which gateway to ask, and as whom.
type clientFlags struct {
	URL string `name:"url" required:"" placeholder:"URL" help:"The gateway, as http://127.0.0.1:8080." env:"VIADUCT_URL"`
	Key string `required:"" placeholder:"KEY" help:"The API key. Others on this machine can read a command line: better in the environment." env:"VIADUCT_KEY"`
}

func (f clientFlags) client() *apiClient { return newAPIClient(strings.TrimSuffix(f.URL, "/")) }

// usage makes the gateway's "this request is wrong" an error of usage, with all it found.
func usage(err error) error {
	var r *refusal
	if !errors.As(err, &r) || r.Status != 400 {
		return err
	}
	faults := make([]string, len(r.Errors))
	for i, f := range r.Errors {
		faults[i] = strings.TrimPrefix(f.Pointer, "/") + ": " + f.Message
	}
	if len(faults) == 0 {
		return fmt.Errorf("%w: %w", errUsed, r)
	}
	return fmt.Errorf("%w: %s", errUsed, strings.Join(faults, "; "))
}

// parseMoney reads an amount as "EUR 1000.00" or "EUR@EURBDEFF 1000.00"; nil for no text.
func parseMoney(flag, text string) (*openapi.Money, error) {
	if text == "" {
		return nil, nil
	}
	name, value, ok := strings.Cut(text, " ")
	code, issuer, named := strings.Cut(name, "@")
	currency, err := money.ParseCurrency(code)
	if err == nil && named {
		_, err = ledger.ParseBIC(issuer)
	}
	if err == nil && ok {
		_, err = money.Parse(value, currency)
	}
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: --%s wants an amount as \"EUR 1000.00\" or \"EUR@EURBDEFF 1000.00\", not %q", errUsed, flag, text)
	}
	return &openapi.Money{Currency: currency.String(), Value: value, Issuer: issuer}, nil
}
