package console

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"viaduct/openapi"
)

const (
	cookieName = "viaduct_console"
	// sessionTime is a working day; after it one signs in again.
	sessionTime = 8 * time.Hour
)

// sessions keeps who signed in inside the cookie, sealed, so that any gateway with the same key can
// read it and none has to remember it. A revoked API key ends its sessions with the next page.
type sessions struct {
	seal cipher.AEAD
	now  func() time.Time
}

// session is a cookie's content.
type session struct {
	Key   string `json:"k"` // API key
	BIC   string `json:"b"`
	Until int64  `json:"u"` // Unix seconds
}

func newSessions(key [32]byte, now func() time.Time) (sessions, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return sessions{}, err
	}
	seal, err := cipher.NewGCM(block)
	return sessions{seal, now}, err
}

func (s *sessions) begin(w http.ResponseWriter, r *http.Request, key, bic string) error {
	plain, err := json.Marshal(session{key, bic, s.now().Add(sessionTime).Unix()})
	if err != nil {
		return err
	}
	nonce := make([]byte, s.seal.NonceSize(), s.seal.NonceSize()+len(plain)+s.seal.Overhead())
	_, _ = rand.Read(nonce) // never fails
	value := base64.RawURLEncoding.EncodeToString(s.seal.Seal(nonce, nonce, plain, []byte(cookieName)))
	http.SetCookie(w, s.cookie(r, value, int(sessionTime.Seconds())))
	return nil
}

func (s *sessions) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/console", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	}
}

func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.cookie(r, "", -1))
}

// read returns the session of a request; false when it has none that is still good.
func (s *sessions) read(r *http.Request) (session, bool) {
	var found session
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return found, false
	}
	data, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(data) < s.seal.NonceSize() {
		return found, false
	}
	plain, err := s.seal.Open(nil, data[:s.seal.NonceSize()], data[s.seal.NonceSize():], []byte(cookieName))
	if err != nil || json.Unmarshal(plain, &found) != nil {
		return found, false
	}
	return found, s.now().Unix() < found.Until
}

type callerKey struct{}

func callerOf(r *http.Request) *caller { return r.Context().Value(callerKey{}).(*caller) }

// signedIn lets those through who have a session and shows the others where to get one.
func (c *console) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := c.sessions.read(r)
		if !ok {
			target := "/console/sign-in"
			if r.Method == http.MethodGet && r.URL.Path != "/console" {
				target += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			http.Redirect(w, r, target, http.StatusSeeOther)
			return
		}
		ctx := context.WithValue(r.Context(), callerKey{}, &caller{c.api, s.Key, s.BIC})
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, remoteKey{}, r.RemoteAddr)))
	})
}

type signInForm struct {
	Next    string
	Message string
}

func (c *console) signInPage(w http.ResponseWriter, r *http.Request) {
	form := signInForm{Next: localPath(r.FormValue("next"))}
	if r.FormValue("again") != "" {
		form.Message = "Your API key is no longer valid. Sign in with another."
	}
	c.write(w, http.StatusOK, "sign-in", &view{Title: "Sign in", Now: c.now(), Page: form})
}

// maxForm bounds what a form may send.
const maxForm = 64 << 10

func (c *console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	form := signInForm{Next: localPath(r.PostFormValue("next"))}
	a := &caller{api: c.api, key: strings.TrimSpace(r.PostFormValue("key"))}
	var b openapi.Balances
	ctx := context.WithValue(r.Context(), remoteKey{}, r.RemoteAddr)
	if strings.ContainsAny(a.key, "\r\n") || len(a.key) > 200 {
		a.key = "" // not a key, and not for a header
	}
	err := a.get(ctx, "/v1/balances", nil, &b)
	if err != nil {
		p, ok := err.(*problem)
		switch {
		case !ok:
			c.fail(w, r, err)
			return
		case p.Status == http.StatusBadRequest:
			form.Message = "This is the operator's key. The console shows a participant's affairs: sign in with a participant's key."
		case p.Status == http.StatusForbidden:
			form.Message = "This key may not read balances, which every page needs. Ask for a key with more scopes."
		case p.Status == http.StatusTooManyRequests:
			form.Message = "Too many tries. Wait a minute."
		default:
			form.Message = "The gateway does not know this key, or it has expired or been revoked."
		}
		c.write(w, http.StatusUnprocessableEntity, "sign-in", &view{Title: "Sign in", Now: c.now(), Page: form})
		return
	}
	if err := c.sessions.begin(w, r, a.key, b.Participant); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, form.Next, http.StatusSeeOther)
}

func (c *console) signOut(w http.ResponseWriter, r *http.Request) {
	c.sessions.end(w, r)
	http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
}

// localPath returns where to go after signing in: a page of the console, never another site.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path.Clean(u.Path), "/console/") || strings.ContainsAny(next, "\\\r\n") {
		return "/console"
	}
	return next
}
