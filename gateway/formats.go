package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

// formatFault is what is wrong with a text of one of the contract's formats.
type formatFault struct {
	code      openapi.ErrorCode
	message   string
	isoReason string
}

func (e *formatFault) Error() string { return e.message }

// formats returns the checks of the contract's own formats.
func formats() map[string]openapi3.StringFormatValidator {
	checks := map[string]func(string) error{
		"bic": func(s string) error {
			if _, err := ledger.ParseBIC(s); err != nil {
				return &formatFault{openapi.ErrorCodeInvalidBic, "not an ISO 9362 BIC of 8 or 11 characters", "RC01"}
			}
			return nil
		},
		"currency": func(s string) error {
			if _, err := money.ParseCurrency(s); err != nil {
				return &formatFault{openapi.ErrorCodeInvalidCurrency, "not an ISO 4217 currency in use", "CURR"}
			}
			return nil
		},
		"asset": func(s string) error {
			_, err := parseAsset(s)
			return err
		},
		"decimal": func(s string) error {
			if _, err := money.ParseDecimal(s); err != nil {
				return &formatFault{openapi.ErrorCodeInvalidAmount, "not a plain decimal number of at most 40 characters", "AM12"}
			}
			return nil
		},
		"uetr": func(s string) error {
			_, err := parseUETR(s)
			return err
		},
		"date-time": func(s string) error {
			_, err := parseTime(s)
			return err
		},
		"country": func(s string) error {
			if len(s) != 2 || strings.ToUpper(s) != s || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
				return &formatFault{openapi.ErrorCodeInvalidCountry, "not an ISO 3166-1 alpha-2 code", ""}
			}
			return nil
		},
		"lei": func(s string) error {
			if !validLEI(s) {
				return &formatFault{openapi.ErrorCodeInvalidLei, "not an ISO 17442 LEI, or its check digits are wrong", ""}
			}
			return nil
		},
		"cidr": func(s string) error {
			_, err := parseNetwork(s)
			return err
		},
		"ed25519-signature": func(s string) error {
			if sig, err := base64.StdEncoding.Strict().DecodeString(s); err != nil || len(sig) != ed25519.SignatureSize {
				return &formatFault{openapi.ErrorCodeInvalidValue, "not 64 bytes in base64", ""}
			}
			return nil
		},
		"ed25519": func(s string) error {
			if key, err := base64.StdEncoding.Strict().DecodeString(s); err != nil || len(key) != ed25519.PublicKeySize {
				return &formatFault{openapi.ErrorCodeInvalidPublicKey, "not 32 bytes in base64", ""}
			} else if !ledger.GoodKey([32]byte(key)) {
				return &formatFault{openapi.ErrorCodeInvalidPublicKey, "a point of small order, or not its canonical encoding", ""}
			}
			return nil
		},
	}
	out := make(map[string]openapi3.StringFormatValidator, len(checks))
	for name, check := range checks {
		out[name] = openapi3.NewCallbackValidator(check)
	}
	return out
}

// parseAsset reads USD@CHASUS33, or USD alone.
func parseAsset(s string) (ledger.AssetName, error) {
	code, issuer, named := strings.Cut(s, "@")
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return ledger.AssetName{}, &formatFault{openapi.ErrorCodeInvalidAsset, "not a currency, or a currency and its issuer as USD@CHASUS33", "CURR"}
	}
	a := ledger.AssetName{Currency: currency}
	if named {
		if a.Issuer, err = ledger.ParseBIC(issuer); err != nil {
			return ledger.AssetName{}, &formatFault{openapi.ErrorCodeInvalidAsset, "what follows @ is not a BIC", "RC01"}
		}
	}
	return a, nil
}

// parseUETR reads a UETR: a UUID of version 4 in lower case, hyphens in place.
func parseUETR(s string) ([16]byte, error) {
	id, err := uuid.Parse(s)
	if err != nil || id.Version() != 4 || id.Variant() != uuid.RFC4122 || id.String() != s {
		return [16]byte{}, &formatFault{openapi.ErrorCodeInvalidUetr, "not a UUID of version 4 in lower case", "CH16"}
	}
	return id, nil
}

// Bounds of a time: beyond the year 9999 RFC 3339 ends, before 1970 no ledger lived.
const maxTime = 253402300799999

// parseTime reads RFC 3339 into Unix milliseconds, rounded down.
func parseTime(s string) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UnixMilli() <= 0 || t.UnixMilli() > maxTime {
		return 0, &formatFault{openapi.ErrorCodeInvalidTime, "not an RFC 3339 time", "DT01"}
	}
	return t.UnixMilli(), nil
}

// validLEI checks an LEI's form and its check digits (ISO 7064, MOD 97-10).
func validLEI(s string) bool {
	if len(s) != 20 {
		return false
	}
	rest := 0
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// amountFault tells what is wrong with an amount of a currency.
func amountFault(err error, c money.Currency) (openapi.ErrorCode, string) {
	switch {
	case errors.Is(err, money.ErrDecimals):
		return openapi.ErrorCodeTooManyDecimals, fmt.Sprintf("%s has %d decimals", c, c.Digits())
	case errors.Is(err, money.ErrOverflow):
		return openapi.ErrorCodeAmountOutOfRange, "the amount is too large"
	}
	return openapi.ErrorCodeInvalidAmount, "not a plain decimal number"
}
