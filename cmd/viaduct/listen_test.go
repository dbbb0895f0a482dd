package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"viaduct/gateway/webhook"
)

// A receiver takes what is signed with the secret or for the public key it was given, and nothing else.
func TestListenChecksSignatures(t *testing.T) {
	key, other := webhook.NewKey(), webhook.NewKey()
	body, now := []byte(`{"id":"evt_1_0_0"}`), time.Now()
	for _, flags := range [][]string{{"--secret", key.Secret.Text()}, {"--public-key", key.PublicText()}, nil} {
		ctx, stop := context.WithCancel(t.Context())
		out, in := io.Pipe()
		done := make(chan int)
		go func() {
			code := run(ctx, append([]string{"listen", "--addr", "127.0.0.1:0"}, flags...), in, in)
			in.Close()
			done <- code
		}()
		first := make([]byte, 200)
		n, err := out.Read(first)
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, out)
		url := strings.TrimSpace(string(first[:n])[strings.Index(string(first[:n]), "http://"):])
		for _, tt := range []struct {
			name string
			keys webhook.Keys
			at   time.Time
			body []byte
			good bool
		}{
			{"signed", webhook.Keys{key}, now, body, true},
			{"signed by two", webhook.Keys{other, key}, now, body, true},
			{"signed by another", webhook.Keys{other}, now, body, false},
			{"another body", webhook.Keys{key}, now, []byte("{}"), false},
			{"an hour old", webhook.Keys{key}, now.Add(-time.Hour), body, false},
		} {
			req, err := http.NewRequestWithContext(t.Context(), "POST", url, bytes.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(webhook.HeaderID, "evt_1_0_0")
			req.Header.Set(webhook.HeaderTimestamp, strconv.FormatInt(tt.at.Unix(), 10))
			req.Header.Set(webhook.HeaderSignature, tt.keys.Sign("evt_1_0_0", tt.at, body))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			want := http.StatusUnauthorized
			if tt.good || flags == nil {
				want = http.StatusNoContent
			}
			if resp.StatusCode != want {
				t.Errorf("%q, %s: %d, want %d", flags, tt.name, resp.StatusCode, want)
			}
		}
		stop()
		if code := <-done; code != 0 {
			t.Errorf("exits %d", code)
		}
	}
	for _, flags := range [][]string{{"--secret", "x"}, {"--public-key", "whpk_"}, {"--secret", key.Secret.Text(), "--public-key", key.PublicText()}, {"--addr", "0.0.0.0:1"}} {
		var buf bytes.Buffer
		if code := run(t.Context(), append([]string{"listen"}, flags...), &buf, &buf); code != 2 {
			t.Errorf("%q exits %d: %s", flags, code, &buf)
		}
	}
}
