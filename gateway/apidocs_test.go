package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"viaduct/internal/testenv"
)

// The page and all it loads come from this gateway, under a policy that allows nothing else, and need
// no key.
func TestDocsAreServed(t *testing.T) {
	r := startRig(t)
	index := ""
	for path, want := range map[string]struct{ media, part string }{
		"/openapi.yaml":              {"application/yaml", "openapi: 3.1.0"},
		"/docs":                      {"text/html; charset=utf-8", "swagger-ui-bundle.js"},
		"/docs/page.js":              {"text/javascript; charset=utf-8", "/openapi.yaml"},
		"/docs/page.css":             {"text/css; charset=utf-8", "body"},
		"/docs/swagger-ui.css":       {"text/css; charset=utf-8", ".swagger-ui"},
		"/docs/swagger-ui-bundle.js": {"text/javascript; charset=utf-8", "SwaggerUIBundle"},
		"/docs/favicon-32x32.png":    {"image/png", "PNG"},
	} {
		for _, encoding := range []string{"gzip", "identity"} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+path, nil)
			r.ok(err)
			if encoding == "identity" {
				req.Header.Set("Accept-Encoding", encoding)
			} // else the transport asks for gzip and unpacks it
			resp, err := r.client.Do(req)
			r.ok(err)
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			r.ok(err)
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != want.media || !bytes.Contains(body, []byte(want.part)) {
				t.Errorf("%s (%s): %d %s", path, encoding, resp.StatusCode, resp.Header.Get("Content-Type"))
			}
			if policy := resp.Header.Get("Content-Security-Policy"); path != "/openapi.yaml" && (!strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe")) {
				t.Errorf("%s: policy %q", path, policy)
			}
			if path == "/docs" {
				index = string(body)
			}
		}
	}
	if strings.Contains(index, "//") || strings.Contains(index, "<style") || strings.Contains(index, "<script>") {
		t.Errorf("the page reaches out or has parts inline:\n%s", index)
	}
	for _, path := range []string{"/docs/", "/docs/no.js", "/docs/..%2fgo.mod", "/docs/apidocs/page.js", "/docs/index.html/x"} {
		if got := r.call(call{method: "GET", path: path, token: "none"}); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := r.call(call{method: "POST", path: "/docs", token: "none"}); got.status != 405 {
		t.Errorf("POST: %d", got.status)
	}
}

// A real browser draws every operation, and complains of nothing that the policy forbids.
func TestDocsInABrowser(t *testing.T) {
	chromium := testenv.Chromium(t)
	r := startRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	browser := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", r.url+"/docs")
	var page, log strings.Builder
	browser.Stdout, browser.Stderr = &page, &log
	if err := browser.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	for path, item := range loadedContract(t).Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.Contains(page.String(), `id="operations-`+op.Tags[0]+`-`+op.OperationID+`"`) {
				t.Errorf("%s %s is not drawn", method, path)
			}
		}
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser says %s", line)
		}
	}
}
