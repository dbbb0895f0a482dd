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
	Secret string `help:"The webhook's secret (whsec_…): signatures are checked with it. Without it, events are printed unchecked."`
}

const (
	maxEvent = 256 << 10
	// clockSlack is how old or early a webhook's timestamp may be, as Standard Webhooks advises.
	clockSlack = 5 * time.Minute
)

// Run receives webhooks and prints them, as a bank's receiver would begin, until it is told to stop.
func (c listenCmd) Run(ctx context.Context, t terminal) error {
	var secret *webhook.Secret
	if c.Secret != "" {
		s, err := webhook.ParseSecret(c.Secret)
		if err != nil {
			return fmt.Errorf("%w: --secret: %w", errUsed, err)
		}
		secret = &s
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
		if secret != nil {
			if err := checkSignature(secret, r.Header, body, time.Now()); err != nil {
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

// checkSignature checks a delivery as Standard Webhooks 1.0 says: the timestamp is recent and one of
// the v1 signatures is ours.
func checkSignature(secret *webhook.Secret, h http.Header, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil {
		return errors.New("no timestamp")
	}
	at := time.Unix(seconds, 0)
	if d := now.Sub(at); d > clockSlack || d < -clockSlack {
		return fmt.Errorf("the timestamp is %s off", d.Round(time.Second))
	}
	want := secret.Sign(h.Get("Webhook-Id"), at, body)
	for got := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		if subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 {
			return nil
		}
	}
	return errors.New("no signature of ours")
}
