package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// apiClient speaks to a gateway as a bank's program would.
type apiClient struct {
	url  string
	http *http.Client
}

func newAPIClient(url string) *apiClient {
	return &apiClient{url: url, http: &http.Client{
		Timeout:   60 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: seedWorkers},
	}}
}

// refusal is a problem document.
type refusal struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	Retryable bool   `json:"retryable"`
	Errors    []struct {
		Pointer   string `json:"pointer"`
		Message   string `json:"message"`
		ISOReason string `json:"iso_reason"`
	} `json:"errors"`
	what       string
	retryAfter time.Duration
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s: %d %s %s", r.what, r.Status, r.Code, r.Detail)
}

// request is one call: a body is sent as JSON, an answer read into out, or into text as it is; each may
// be nil.
type request struct {
	method, path, key, idempotency, prefer string
	body, out                              any
	text                                   *[]byte
}

func (c *apiClient) do(ctx context.Context, r request) error {
	var body io.Reader
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.url+r.path, body)
	if err != nil {
		return err
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("Authorization", "Bearer "+r.key)
	set("Idempotency-Key", r.idempotency)
	set("Prefer", r.prefer)
	if r.body != nil {
		set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if resp.StatusCode >= 300 {
		p := &refusal{Status: resp.StatusCode, what: r.method + " " + r.path}
		if err := json.Unmarshal(data, p); err != nil {
			p.Detail = string(data)
			// A proxy in front of a gateway that restarts.
			p.Retryable = resp.StatusCode >= http.StatusBadGateway && resp.StatusCode <= http.StatusGatewayTimeout
		}
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds <= 3600 {
			p.retryAfter = time.Duration(seconds) * time.Second
		}
		return p
	}
	if r.text != nil {
		*r.text = data
	}
	if r.out == nil {
		return nil
	}
	return json.Unmarshal(data, r.out)
}
