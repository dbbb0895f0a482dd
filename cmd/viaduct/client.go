package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

// clientFlags say which gateway to ask, and as whom. The environment is read in where, since whether a
// flag or it named the profile makes a difference.
type clientFlags struct {
	Profile string `placeholder:"NAME" help:"A profile of the config file ($VIADUCT_PROFILE; see viaduct profiles)."`
	URL     string `name:"url" placeholder:"URL" help:"The gateway, as http://127.0.0.1:8080 ($VIADUCT_URL)."`
	Key     string `placeholder:"KEY" help:"The API key ($VIADUCT_KEY). Others on this machine can read a command line: better in the environment or a profile."`
}

// where returns the gateway's URL and the key. Both come from the first of these that is there: the
// profile that --profile names, the environment, the profile that the environment names, the config
// file's default; --url and --key stand over that. A key never goes to an address from elsewhere
// unless a flag says so.
func (f clientFlags) where() (url, key string, err error) {
	url, key = os.Getenv("VIADUCT_URL"), os.Getenv("VIADUCT_KEY")
	if f.Profile != "" || url == "" && key == "" && (f.URL == "" || f.Key == "") {
		p, err := readProfile(f.Profile)
		if err != nil {
			return "", "", err
		}
		url, key = p.URL, p.Key
	}
	if f.URL != "" {
		url = f.URL
	}
	if f.Key != "" {
		key = f.Key
	}
	switch {
	case url == "":
		err = fmt.Errorf("%w: which gateway? Say --url, set VIADUCT_URL, or make a profile: viaduct profiles set NAME --url URL", errUsed)
	case key == "":
		err = fmt.Errorf("%w: as whom? Set VIADUCT_KEY to an API key, or make a profile: viaduct profiles set NAME --url URL", errUsed)
	}
	return strings.TrimSuffix(url, "/"), key, err
}

// client is a gateway as one caller sees it.
type client struct {
	api *apiClient
	key string
}

func (f clientFlags) client() (*client, error) {
	url, key, err := f.where()
	if err != nil {
		return nil, err
	}
	return &client{newAPIClient(url), key}, nil
}

// How long a request that may be repeated is: some restarts of a gateway are over by then.
const (
	repeatFor   = 30 * time.Second
	firstRepeat = 200 * time.Millisecond
	maxRepeat   = 5 * time.Second
)

// call makes a request. One that a repeat does no harm to (a read, or with an idempotency key, which
// stays the same) is repeated for a while when there is no answer or the gateway says that it may
// succeed later.
func (c *client) call(ctx context.Context, r request) error {
	r.key = c.key
	repeatable := r.method == http.MethodGet || r.idempotency != ""
	deadline := time.Now().Add(repeatFor)
	for wait := firstRepeat; ; wait = min(2*wait, maxRepeat) {
		err := c.api.do(ctx, r)
		var refused *refusal
		again := err != nil
		pause := wait
		if errors.As(err, &refused) {
			again = refused.Retryable
			pause = max(wait, refused.retryAfter)
		}
		if !again || !repeatable || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			return c.explain(err, r)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// failure is a request that failed, told to whoever made it: what is wrong, where, and what to do next.
type failure struct {
	text string
	kind error // errUsed, errUnknown or nil
}

func (f *failure) Error() string        { return f.text }
func (f *failure) Is(target error) bool { return f.kind != nil && target == f.kind }

func (c *client) explain(err error, r request) error {
	if err == nil {
		return nil
	}
	var refused *refusal
	if !errors.As(err, &refused) {
		text := fmt.Sprintf("no answer from %s: %v\n  next: is the gateway up, and is that its address?", c.api.url, err)
		if r.idempotency != "" {
			text += fmt.Sprintf(" It may have got the request: repeat it with --idempotency-key %s, which can't do it twice.", r.idempotency)
		}
		return &failure{text, errUnknown}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)", orElse(refused.Title, "refused"), orElse(refused.Code, fmt.Sprint("status ", refused.Status)))
	if refused.Detail != "" {
		fmt.Fprintf(&b, ": %s", refused.Detail)
	}
	for _, f := range refused.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", orElse(f.Pointer, "/"), f.Message)
		if f.ISOReason != "" {
			fmt.Fprintf(&b, " (%s)", f.ISOReason)
		}
	}
	if next := nextStep(openapi.ErrorCode(refused.Code), r.idempotency); next != "" {
		fmt.Fprintf(&b, "\n  next: %s", next)
	}
	if refused.RequestID != "" {
		fmt.Fprintf(&b, "\n  request id %s", refused.RequestID)
	}
	f := &failure{text: b.String()}
	switch {
	case refused.Status == http.StatusBadRequest:
		f.kind = errUsed
	case refused.Status >= 500:
		f.kind = errUnknown
	}
	return f
}

// nextStep says what to do about a refusal, where the refusal alone does not.
func nextStep(code openapi.ErrorCode, idempotency string) string {
	switch code {
	case openapi.ErrorCodeUnauthorized:
		return "check the key (--key, VIADUCT_KEY or the profile's): it may be mistyped, expired or revoked"
	case openapi.ErrorCodeNotAllowed:
		return "ask for a key that may do this"
	case openapi.ErrorCodeNotFound:
		return "check the id; what belongs to others is not found either"
	case openapi.ErrorCodeNoSigningKey:
		return "the participant signs with a key of its own: send what it signed"
	case openapi.ErrorCodeNoPriceBound:
		return "say --send-max, or give the participant `funding` and `max_over_mid_bps` and the gateway fresh --rates"
	case openapi.ErrorCodeUnknownReceiver, openapi.ErrorCodeUnknownParticipant, openapi.ErrorCodeUnknownIssuer:
		return "check the BIC; the operator admits participants with POST /v1/participants"
	case openapi.ErrorCodeIdempotencyKeyReused, openapi.ErrorCodeRefusedEarlier:
		return "a new order needs a new --idempotency-key"
	case openapi.ErrorCodeNotFinal:
		return "wait for it with viaduct watch ID"
	case openapi.ErrorCodeTooManyWebhooks:
		return "remove one with viaduct webhooks delete ID"
	case openapi.ErrorCodeWebhookDisabled:
		return "turn it on with viaduct webhooks change ID --on"
	case openapi.ErrorCodeNoFunds:
		return "see what there is with viaduct balances"
	case openapi.ErrorCodeNoPath, openapi.ErrorCodeShortfall, openapi.ErrorCodeSendMaxExceeded, openapi.ErrorCodeDeliverMinNotMet, openapi.ErrorCodeNotAcceptedByReceiver:
		return "ask viaduct quote with the same amounts: it says what stands in the way"
	case openapi.ErrorCodeUnavailable, openapi.ErrorCodeOutcomeUnknown, openapi.ErrorCodeRequestInFlight:
		if idempotency != "" {
			return "repeat it with --idempotency-key " + idempotency + ", which can't do it twice"
		}
		return "try again in a moment"
	}
	return ""
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

// askFlags are those of a command that asks a gateway and prints its answer.
type askFlags struct {
	clientFlags
	JSON bool `name:"json" help:"Print the gateway's answer as it is, for scripts."`
}

// get makes a request and prints the answer: as it is, or as tell writes it for people.
func get[T any](ctx context.Context, f askFlags, r request, t terminal, tell func(*T) string) (v T, err error) {
	c, err := f.client()
	if err != nil {
		return v, err
	}
	var answer []byte
	r.text = &answer
	if err := c.call(ctx, r); err != nil {
		return v, err
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		return v, fmt.Errorf("%s answers what is no JSON of ours: %w\n  next: is that a Viaduct gateway?", c.api.url, err)
	}
	text := string(answer) + "\n"
	if !f.JSON {
		text = tell(&v)
	}
	_, err = fmt.Fprint(t.out, text)
	return v, err
}
