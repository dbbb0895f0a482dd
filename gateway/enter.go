package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"viaduct/gateway/iso20022"
	"viaduct/internal/tracing"
	"viaduct/openapi"
)

// looksFurther names the operations that go on to their own checks although the contract found
// faults, so that all faults are told at once. Each of them ends in faults.problem.
func looksFurther(operation string) bool {
	switch operation {
	case "CreatePayment", "Quote", "PlaceOffer", "ReplaceOffers", "SetInventory", "SetLine", "ChangeParticipant", "AdmitParticipant":
		return true
	}
	return false
}

// observe gives each request its id and its exchange, and logs it when it is answered.
func (g *Gateway) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		parent := tracing.Parse(r.Header.Get("traceparent"))
		x := &exchange{id: requestID(r.Header.Get("X-Request-Id")), wait: -1, trace: parent}
		if g.cfg.Tracer != nil {
			x.trace = g.cfg.Tracer.Begin(parent)
		}
		w.Header().Set("X-Request-Id", x.id)
		sw := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(sw, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
		took := time.Since(start)
		name := "none"
		if x.op != nil {
			name = x.op.id
		}
		g.cfg.Meters.request(name, sw.code(), took)
		g.traceRequest(x, parent, name, sw.code(), start, start.Add(took))
		g.cfg.Log.Debug("request", "request_id", x.id, "trace_id", x.trace.Trace(), "operation", name, "participant", x.caller.bic.String(),
			"status", sw.code(), "code", x.code, "took", took)
	})
}

// requestID keeps a caller's id when it is a harmless one, and makes one otherwise.
func requestID(given string) string {
	ok := len(given) > 0 && len(given) <= 64
	for _, c := range []byte(given) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if ok {
		return given
	}
	return uuid.Must(uuid.NewV7()).String()
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// recoverPanics turns a bug into a 500; the connection and the process live on.
func (g *Gateway) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				g.cfg.Log.Error("panic", "request_id", exchangeOf(r.Context()).id, "value", v, "stack", string(debug.Stack()))
				if w.(*statusWriter).status == 0 {
					g.render(w, r, refuse(openapi.ErrorCodeInternal, ""))
				}
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// enter is every contract operation's way in: who calls, is what it says well formed, and for how long
// may it take.
func (g *Gateway) enter(next http.Handler) http.Handler {
	read := conditional(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		x.op = g.contract.operations[r.Method+" "+chi.RouteContext(r.Context()).RoutePattern()]
		if x.op == nil {
			g.render(w, r, errors.New("a route that is not in the contract"))
			return
		}
		x.conn = connectionOf(r)
		x.base = baseURL(r)
		x.authorization = r.Header.Values("Authorization")
		x.wait = preferredWait(r.Header.Get("Prefer"), &x.faults)
		ctx, cancel := r.Context(), func() {}
		if !x.op.stream {
			ctx, cancel = context.WithTimeout(ctx, requestTimeout+time.Duration(max(x.wait, 0))*time.Second)
		}
		defer cancel()
		r = r.WithContext(ctx)
		if !x.op.open {
			var err error
			if x.caller, err = g.authenticate(ctx, r.Header, x.conn); err == nil {
				err = x.op.permit(x.caller)
			}
			if err == nil {
				err = g.limit(ctx, w.Header(), r.Method, x)
			}
			if err != nil {
				g.render(w, r, err)
				return
			}
			if x.op.stream {
				ctx, stop := g.whileGood(ctx, x.caller)
				defer stop()
				r = r.WithContext(ctx)
			}
		}
		if err := g.readRequest(w, r, x); err != nil {
			g.render(w, r, err)
			return
		}
		if r.Method == http.MethodGet && !x.op.stream && !x.op.open {
			read.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// readRequest checks a request against the contract and leaves its body ready to be bound. It returns
// a problem when nothing more can be said; otherwise what it found is in x.faults.
func (g *Gateway) readRequest(w http.ResponseWriter, r *http.Request, x *exchange) error {
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		x.faults.add("query:", openapi.ErrorCodeInvalidValue, "the query is not well formed", "")
	}
	g.contract.checkParameters(x.op, r, &x.faults)
	x.key = r.Header.Get("Idempotency-Key")
	x.json = acceptsJSONAlone(r.Header.Values("Accept"))
	x.csv = acceptsCSV(r.Header.Values("Accept"))
	if x.op.media == "" {
		if err := x.faults.problem(); err != nil {
			return err
		}
		return g.checkSigned(r, x, nil)
	}
	media, ok := x.op.checkMedia(r)
	if !ok {
		return refuse(openapi.ErrorCodeUnsupportedMediaType, "the body must be "+x.op.media)
	}
	most := maxBody
	switch {
	case x.op.media == "application/xml":
		most = iso20022.MaxBytes
	case x.op.id == "CreatePayments":
		most = maxBatchBody
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return refuse(openapi.ErrorCodeTooLarge, "at most "+strconv.Itoa(most)+" bytes")
	case err != nil:
		return refuse(openapi.ErrorCodeMalformedJson, "the body ended early")
	}
	if err := g.checkSigned(r, x, data); err != nil {
		return err
	}
	r.Header.Set("Content-Type", media) // as the generated code looks for it
	if x.op.body == nil || media == x.op.raw {
		x.body = data
		r.Body = io.NopCloser(bytes.NewReader(data))
		if x.op.oauth {
			r.Body = http.NoBody // the generated code would be less strict with a form than its reader
		}
		return x.faults.problem()
	}
	parameters := len(x.faults.list)
	tree := readJSON(data, &x.faults)
	if tree == nil && len(x.faults.list) > parameters {
		return x.faults.problem()
	}
	checkTexts(tree, nil, &x.faults)
	g.contract.visit(x.op.body, tree, &x.faults)
	if len(x.faults.list) > 0 {
		if _, object := tree.(map[string]any); !object || !looksFurther(x.op.id) || !onlyBodyFaults(&x.faults) {
			return x.faults.problem()
		}
		tree = prune(tree, &x.faults)
		// The faulty header was told; the generated code is not to stop at it.
		r.Header.Set("Idempotency-Key", "-")
	}
	if x.body, err = canonical(tree); err != nil {
		return err
	}
	r.Body = &parsedBody{Reader: bytes.NewReader(x.body), tree: tree}
	return nil
}

func onlyBodyFaults(f *faults) bool {
	for _, x := range f.list {
		if x.Pointer != "header:Idempotency-Key" && x.Pointer != "header:Prefer" && x.Pointer != "" && x.Pointer[0] != '/' {
			return false
		}
	}
	return true
}

// parsedBody hands the tree to the generated code, so that a body is parsed once, and strictly.
type parsedBody struct {
	*bytes.Reader
	tree any
}

// Close has nothing to close.
func (*parsedBody) Close() error { return nil }

// ValidatedValue is what the generated code binds.
func (b *parsedBody) ValidatedValue() any { return b.tree }

// preferredWait reads Prefer: wait=N (RFC 7240, section 4.3); other preferences it ignores, as that standard
// asks. A wait out of bounds is told, for who asked for it counts on it; -1 when none is asked for.
func preferredWait(prefer string, f *faults) int {
	for _, p := range strings.Split(prefer, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(strings.TrimSpace(name), "wait") {
			n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err != nil || n < 0 || n > maxWait {
				f.add("header:Prefer", openapi.ErrorCodeInvalidValue, "wait is a number of seconds from 0 to "+itoa(maxWait), "")
				return -1
			}
			return n
		}
	}
	return -1
}

// acceptsJSONAlone says whether a caller wants its answers as JSON though it sent XML.
func acceptsJSONAlone(accept []string) bool {
	all := strings.ToLower(strings.Join(accept, ","))
	return strings.Contains(all, "json") && !strings.Contains(all, "xml") && !strings.Contains(all, "*/*")
}

// acceptsCSV says whether a caller wants a table where there is one: it names CSV, and JSON not at all.
func acceptsCSV(accept []string) bool {
	all := strings.ToLower(strings.Join(accept, ","))
	return strings.Contains(all, "text/csv") && !strings.Contains(all, "json")
}

func itoa(n int) string { return strconv.Itoa(n) }
