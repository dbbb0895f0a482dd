package gateway

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/swaggest/swgui/v5/static"

	"viaduct/openapi"
)

// apidocs are our own parts of the page that shows the contract.
//
//go:embed apidocs
var apidocs embed.FS

// docsPolicy lets the page load what this gateway serves and ask this gateway, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset is a file of the page, compressed as it lies in the program.
type asset struct {
	media string
	body  []byte
	gzip  bool
}

// docsAssets reads what the page at /docs consists of.
func docsAssets() (map[string]asset, error) {
	// Not mime.TypeByExtension: that asks the machine.
	media := map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png",
	}
	all := make(map[string]asset)
	add := func(name string, read func(string) ([]byte, error), from string) error {
		body, err := read(from)
		if err != nil {
			return fmt.Errorf("documentation page: %w", err)
		}
		all[name] = asset{media[path.Ext(name)], body, strings.HasSuffix(from, ".gz")}
		return nil
	}
	for name, from := range map[string]string{
		"swagger-ui-bundle.js": "swagger-ui-bundle.js.gz", "swagger-ui.css": "swagger-ui.css.gz", "favicon-32x32.png": "favicon-32x32.png",
	} {
		if err := add(name, static.FS.ReadFile, from); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"index.html", "page.js", "page.css"} {
		if err := add(name, apidocs.ReadFile, "apidocs/"+name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// serveDocs serves the contract as it is and as a page, to anybody: it is no secret.
func (g *Gateway) serveDocs(router chi.Router) {
	router.Get("/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openapi.Contract) // the client may be gone
	})
	router.Get("/docs", func(w http.ResponseWriter, r *http.Request) { g.docs["index.html"].serve(w, r) })
	router.Get("/docs/{name}", func(w http.ResponseWriter, r *http.Request) {
		a, ok := g.docs[chi.URLParam(r, "name")]
		if !ok {
			g.render(w, r, errNotFound)
			return
		}
		a.serve(w, r)
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.media)
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache") // the next version's page must not run this one's script
	if a.gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(a.body)
		return
	}
	if !a.gzip {
		_, _ = w.Write(a.body)
		return
	}
	plain, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(w, plain)
}
