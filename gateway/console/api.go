package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"viaduct/openapi"
)

// api asks the gateway's own handler.
type api struct{ handler http.Handler }

// caller asks as one participant.
type caller struct {
	api
	key string // API key
	bic string
}

// problem is the API's refusal, which a page shows.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Message string `json:"message"`
	} `json:"errors"`
	RequestID string `json:"request_id"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s %s", p.Status, p.Code, p.Detail) }

// answer keeps what the handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write keeps the body.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// request makes a request of the caller to the API.
func (c *caller) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	target := path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	// The API's router must not take itself for a part of the console's.
	ctx = context.WithValue(ctx, chi.RouteCtxKey, nil)
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.RequestURI = target
	r.RemoteAddr = remoteOf(ctx)
	r.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

func (c *caller) do(r *http.Request, out any) error {
	a := &answer{header: make(http.Header)}
	c.handler.ServeHTTP(a, r)
	if a.status >= 300 {
		p := &problem{Status: a.status, Title: http.StatusText(a.status)}
		if strings.Contains(a.header.Get("Content-Type"), "json") {
			_ = json.Unmarshal(a.body.Bytes(), p) // what it has not said, the status says
		}
		return p
	}
	if out == nil {
		return nil
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = a.body.Bytes()
		return nil
	}
	if err := json.NewDecoder(&a.body).Decode(out); err != nil && err != io.EOF {
		return fmt.Errorf("answer of %s: %w", r.URL.Path, err)
	}
	return nil
}

// get reads what is at a path into out.
func (c *caller) get(ctx context.Context, path string, query url.Values, out any) error {
	r, err := c.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	return c.do(r, out)
}

// post sends a body; key is the idempotency key, wait for how many seconds the result is waited for.
func (c *caller) post(ctx context.Context, path, key string, wait int, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := c.request(ctx, http.MethodPost, path, nil, body)
	if err != nil {
		return err
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if wait > 0 {
		r.Header.Set("Prefer", fmt.Sprintf("wait=%d", wait))
	}
	return c.do(r, out)
}

func (c *caller) blockTime(ctx context.Context, height int64) (time.Time, error) {
	var b openapi.Block
	if err := c.get(ctx, fmt.Sprintf("/v1/blocks/%d", height), nil, &b); err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, b.Time)
}

type remoteKey struct{}

// remoteOf returns the address of the browser, which the API's limits on addresses are about.
func remoteOf(ctx context.Context) string {
	address, _ := ctx.Value(remoteKey{}).(string)
	return address
}
