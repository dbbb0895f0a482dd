// Package console serves the treasury's pages: positions, payments and the way each took, quotes, lines,
// the market and the network, as HTML that reads without a script.
//
// It knows nothing that the API does not tell: every page asks the API's handler, inside the process, as
// the participant that signed in. Who may see what is decided there and nowhere else.
package console

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
)

// Config is what the console is made of.
type Config struct {
	API http.Handler // serves the contract's paths
	Key [32]byte     // seals sessions; gateways that share it share sessions
	Now func() time.Time
	Log *slog.Logger
}

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// console holds what its handlers need.
type console struct {
	api      api
	sessions sessions
	pages    map[string]*template.Template
	now      func() time.Time
	log      *slog.Logger
}

// New returns a handler for the paths at and below /console.
func New(cfg Config) (http.Handler, error) {
	c := &console{api: api{cfg.API}, now: cfg.Now, log: cfg.Log}
	var err error
	if c.sessions, err = newSessions(cfg.Key, cfg.Now); err != nil {
		return nil, err
	}
	if c.pages, err = parsePages(); err != nil {
		return nil, err
	}
	assets, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(secured, http.NewCrossOriginProtection().Handler)
	r.Handle("/console/assets/*", cached(http.StripPrefix("/console/assets/", http.FileServerFS(assets))))
	r.Get("/console/sign-in", c.signInPage)
	r.Post("/console/sign-in", c.signIn)
	r.Group(func(r chi.Router) {
		r.Use(c.signedIn)
		r.Post("/console/sign-out", c.signOut)
		r.Get("/console", c.page("positions", c.positions))
		r.Get("/console/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/console", http.StatusSeeOther)
		})
		r.Get("/console/intraday", c.page("intraday", c.intraday))
		r.Get("/console/statement", c.statement)
		r.Get("/console/payments", c.page("payments", c.payments))
		r.Get("/console/payments/{id}", c.page("payment", c.payment))
		r.Get("/console/payments/{id}/receipt", c.receipt)
		r.Get("/console/quote", c.page("quote", c.quote))
		r.Post("/console/quote", c.pay)
		r.Get("/console/liquidity", c.page("liquidity", c.liquidity))
		r.Get("/console/market", c.page("market", c.market))
		r.Get("/console/network", c.page("network", c.network))
		r.Get("/console/settings", c.page("settings", c.settings))
		r.Post("/console/settings", c.change)
		r.Get("/console/search", c.search)
		r.Get("/console/live", c.live)
	})
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, &problem{Status: http.StatusNotFound, Title: "There is no such page"})
	})
	return r, nil
}

// secured sets what a browser is to hold the pages to: nothing from elsewhere, in no other site's frame,
// nothing kept.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// cached lets a browser keep what is the same for everybody.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		next.ServeHTTP(w, r)
	})
}

func parsePages() (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(helpers).ParseFS(pageFiles, "pages/layout.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*template.Template)
	for _, name := range names {
		if name == "pages/layout.html" {
			continue
		}
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(pageFiles, name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name[len("pages/"):len(name)-len(".html")]] = t
	}
	return all, nil
}

// view is what the layout shows of every page; Page is the page's own.
type view struct {
	Title  string
	Nav    string // of the page, to mark it
	BIC    string
	Height int64     // of the block that the page's own figures hold at; 0 when the API says none
	At     time.Time // ledger time of that block
	Now    time.Time
	Page   any
}

// page serves a page: build asks the API for what it shows.
func (c *console) page(name string, build func(r *http.Request, a *caller, v *view) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := callerOf(r)
		v := &view{Nav: name, BIC: a.bic, Now: c.now()}
		if err := build(r, a, v); err != nil {
			c.fail(w, r, err)
			return
		}
		if v.Height > 0 && v.At.IsZero() {
			at, err := a.blockTime(r.Context(), v.Height)
			if err != nil {
				c.fail(w, r, err)
				return
			}
			v.At = at
		}
		c.write(w, http.StatusOK, name, v)
	}
}

func (c *console) write(w http.ResponseWriter, status int, name string, v *view) {
	var b bytes.Buffer
	if err := c.pages[name].ExecuteTemplate(&b, "layout.html", v); err != nil {
		c.log.Error("console page", "page", name, "error", err)
		http.Error(w, "The page could not be made; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser may be gone
}

// fail shows an error as a page: what is wrong, and what to do.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	if !errors.As(err, &p) {
		c.log.Error("console", "path", r.URL.Path, "error", err)
		p = &problem{Status: http.StatusInternalServerError, Title: "Something went wrong here", Detail: "The gateway's log says what. Try again."}
	}
	if p.Status == http.StatusUnauthorized { // the key was revoked, or has expired
		c.sessions.end(w, r)
		http.Redirect(w, r, "/console/sign-in?again=1", http.StatusSeeOther)
		return
	}
	v := &view{Title: p.Title, Now: c.now(), Page: p}
	if a, ok := r.Context().Value(callerKey{}).(*caller); ok {
		v.BIC = a.bic
	}
	c.write(w, p.Status, "problem", v)
}
