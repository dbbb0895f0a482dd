package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"viaduct/openapi"
)

type watchCmd struct {
	askFlags
	ID      string        `arg:"" help:"The payment's id."`
	Timeout time.Duration `placeholder:"TIME" help:"Give up after this long, as 90s or 10m; without it, never."`
}

// How often the gateway is asked: soon at first, since most payments are final within a second.
const (
	watchFirst = 100 * time.Millisecond
	watchMost  = 2 * time.Second
)

// Run prints the payment each time its status changes, until it is final. Exit code 0 means settled.
func (c watchCmd) Run(ctx context.Context, t terminal) error {
	gate, err := c.client()
	if err != nil {
		return err
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	var last openapi.PaymentStatus
	for wait := watchFirst; ; wait = min(wait*3/2, watchMost) {
		var answer []byte
		err := gate.call(ctx, request{method: http.MethodGet, path: "/v1/payments/" + url.PathEscape(c.ID), text: &answer})
		var p openapi.Payment
		if err == nil {
			err = json.Unmarshal(answer, &p)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%w after %v", errPending, c.Timeout)
		}
		if err != nil {
			return err
		}
		if p.Status != last {
			last = p.Status
			text := paymentText(&p)
			if c.JSON {
				text = string(answer) + "\n"
			}
			if _, err := fmt.Fprint(t.out, text); err != nil {
				return err
			}
		}
		if err := outcomeOf(&p, false); !errors.Is(err, errPending) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
