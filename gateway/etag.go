package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// conditional gives a read its ETag, and answers 304 without a body when the caller has it already (RFC
// 9110, sections 8.8.3 and 13.1.2). The tag follows from the body, so every gateway gives the same.
func conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &keptAnswer{header: w.Header()}
		next.ServeHTTP(kept, r)
		if kept.status == 0 {
			kept.status = http.StatusOK
		}
		if kept.status == http.StatusOK {
			sum := sha256.Sum256(kept.body.Bytes())
			tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
			h := w.Header()
			h.Set("ETag", tag)
			h.Set("Cache-Control", "private, no-cache")
			h.Set("Vary", "Authorization, Accept")
			if tagMatches(r.Header.Values("If-None-Match"), tag) {
				h.Del("Content-Type")
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(kept.status)
		_, _ = w.Write(kept.body.Bytes()) // the client may be gone
	})
}

// tagMatches compares as If-None-Match does: weakly, any of a list, or the star.
func tagMatches(given []string, tag string) bool {
	for t := range strings.SplitSeq(strings.Join(given, ","), ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == tag {
			return true
		}
	}
	return false
}

// keptAnswer is an answer that is not written yet.
type keptAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header returns the header of the answer to be.
func (k *keptAnswer) Header() http.Header { return k.header }

// WriteHeader keeps the first status.
func (k *keptAnswer) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

// Write keeps a part of the body.
func (k *keptAnswer) Write(b []byte) (int, error) { return k.body.Write(b) }
