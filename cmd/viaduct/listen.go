package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"viaduct/gateway/webhook"
)

type listenCmd struct {
	Addr   string `default:"127.0.0.1:9099" help:"The loopback address to listen on."`
	Secret string `xor:"check" help:"The webhook's secret (whsec_…): v1 signatures are checked with it. Without a secret or key, events are printed unchecked." env:"VIADUCT_WEBHOOK_SECRET"`
	Public string `name:"public-key" xor:"check" placeholder:"KEY" help:"The webhook's public key (whpk_…): v1a signatures are checked with it."`
}

const (
	maxEvent = 256 << 10
	// clockSlack is how old or early a webhook's timestamp may be, as Standard Webhooks advises.
	clockSlack = 5 * time.Minute
)

// Run receives webhooks and prints them, as a bank's receiver would begin, until it is told to stop.
func (c listenCmd) Run(ctx context.Context, t terminal) error {
	check, err := c.checker()
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%w: --addr wants a loopback address and a port", errUsed)
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "waiting for webhooks at http://%s/\n", listener.Addr())
	server := &http.Server{ReadTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
		if err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		verdict := "unchecked"
		if check != nil {
			if err := checkDelivery(check, r.Header, body, time.Now()); err != nil {
				fmt.Fprintf(t.out, "refused: %v\n", err)
				http.Error(w, "bad signature", http.StatusUnauthorized)
				return
			}
			verdict = "signature good"
		}
		fmt.Fprintf(t.out, "%s (%s)\n  %s\n", r.Header.Get("Webhook-Id"), verdict, body)
		w.WriteHeader(http.StatusNoContent)
	})}
	return serveHTTP(ctx, server, listener)
}

// signatureCheck says whether a header's signatures hold one that is good for a message.
type signatureCheck func(id string, at time.Time, body []byte, signatures string) error

// checker returns the check that was asked for, nil for none.
func (c listenCmd) checker() (signatureCheck, error) {
	switch {
	case c.Secret != "":
		secret, err := webhook.ParseSecret(c.Secret)
		if err != nil {
			return nil, fmt.Errorf("--secret: %w", err)
		}
		return func(id string, at time.Time, body []byte, signatures string) error {
			want := secret.Sign(id, at, body)
			for got := range strings.FieldsSeq(signatures) {
				if subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 {
					return nil
				}
			}
			return errors.New("no signature of this secret")
		}, nil
	case c.Public != "":
		if err := webhook.CheckPublic(c.Public); err != nil {
			return nil, fmt.Errorf("--public-key: %w", err)
		}
		return func(id string, at time.Time, body []byte, signatures string) error {
			return webhook.VerifyPublic(c.Public, id, at, body, signatures)
		}, nil
	}
	return nil, nil
}

// checkDelivery checks a delivery as Standard Webhooks 1.0 says: the timestamp is recent and one of the
// signatures is good.
func checkDelivery(check signatureCheck, h http.Header, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(h.Get(webhook.HeaderTimestamp), 10, 64)
	if err != nil {
		return errors.New("no timestamp")
	}
	at := time.Unix(seconds, 0)
	if d := now.Sub(at); d > clockSlack || d < -clockSlack {
		return fmt.Errorf("the timestamp is %s off", d.Round(time.Second))
	}
	return check(h.Get(webhook.HeaderID), at, body, h.Get(webhook.HeaderSignature))
}
