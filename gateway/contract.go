package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"

	"viaduct/internal/tracing"
	"viaduct/openapi"
)

// contract is openapi.yaml, made ready to check requests against.
type contract struct {
	operations map[string]*operation // by method and chi pattern
	options    []openapi3.SchemaValidationOption
	details    *openapi3.Schema // of a payment
	scopes     []string         // that there are
}

// operation is one method of one path.
type operation struct {
	id         string
	parameters []*openapi3.Parameter
	body       *openapi3.Schema // of a JSON body; nil when there is none
	media      string           // the body's media type, "" without a body
	raw        string           // another media type that is taken as the bytes it is
	open       bool             // asks for no API key
	stream     bool             // answers with events until somebody ends it
	oauth      bool             // its errors have OAuth's form
	scope      string           // that a key needs; "" when any key will do
}

func loadContract() (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.Contract)
	if err != nil {
		return nil, fmt.Errorf("load the contract: %w", err)
	}
	c := &contract{
		operations: make(map[string]*operation),
		options: []openapi3.SchemaValidationOption{
			openapi3.VisitAsRequest(), openapi3.MultiErrors(), openapi3.WithStringFormatValidators(formats()),
		},
	}
	for _, scope := range doc.Components.Schemas["Scope"].Value.Enum {
		c.scopes = append(c.scopes, fmt.Sprint(scope))
	}
	c.details = doc.Components.Schemas["Details"].Value
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o := &operation{id: op.OperationID, oauth: op.OperationID == "IssueToken"}
			if o.open, o.scope, err = securityOf(op); err != nil {
				return nil, err
			}
			if ok := op.Responses.Status(http.StatusOK); ok != nil {
				o.stream = ok.Value.Content["text/event-stream"] != nil
			}
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				o.parameters = append(o.parameters, p.Value)
			}
			if op.RequestBody != nil {
				for media, content := range op.RequestBody.Value.Content {
					switch media {
					case "application/json":
						o.media, o.body = media, content.Schema.Value
					case submissionMedia:
						o.raw = media
					default:
						o.media = media
					}
				}
			}
			c.operations[method+" "+path] = o
		}
	}
	return c, nil
}

// securityOf reads who may call an operation. The contract says it at each: what says nothing might have
// been forgotten.
func securityOf(op *openapi3.Operation) (open bool, scope string, err error) {
	if op.Security == nil {
		return false, "", fmt.Errorf("the contract does not say who may call %s", op.OperationID)
	}
	if len(*op.Security) == 0 {
		return true, "", nil
	}
	switch scopes := (*op.Security)[0]["apiKey"]; {
	case len(scopes) == 0:
		return false, "", nil
	case len(scopes) > 1 || !openapi.Scope(scopes[0]).Valid():
		return false, "", fmt.Errorf("%s asks for the scopes %q, want one that there is", op.OperationID, scopes)
	default:
		return false, scopes[0], nil
	}
}

// checkParameters checks path, query and header parameters.
func (c *contract) checkParameters(op *operation, r *http.Request, f *faults) {
	query := r.URL.Query()
	known := make(map[string]bool)
	for _, p := range op.parameters {
		var values []string
		switch p.In {
		case "path":
			values = []string{chi.URLParam(r, p.Name)}
		case "query":
			known[p.Name] = true
			values = query[p.Name]
		case "header":
			values = r.Header.Values(p.Name)
		}
		place := p.In + ":" + p.Name
		switch {
		case len(values) > 1:
			f.add(place, openapi.ErrorCodeInvalidValue, "given more than once", "")
		case len(values) == 0 && p.Required && p.Name == "Idempotency-Key", p.In == "header" && p.Name == "Idempotency-Key" && len(values) == 1 && values[0] == "":
			f.add(place, openapi.ErrorCodeMissingIdempotencyKey, "this request needs a key of its own, the same when it is repeated", "")
		case len(values) == 0 && p.Required:
			f.add(place, openapi.ErrorCodeMissingField, "missing", "")
		case len(values) == 1 && (!utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0)):
			f.add(place, openapi.ErrorCodeInvalidValue, "not UTF-8 text", "")
		case len(values) == 1:
			c.checkParameter(p, place, values[0], f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !known[name] {
			f.add("query:"+name, openapi.ErrorCodeUnknownField, "the contract has no such parameter", "")
		}
	}
}

func (c *contract) checkParameter(p *openapi3.Parameter, place, text string, f *faults) {
	schema := p.Schema.Value
	var v any = text
	switch {
	case schema.Type.Is("integer"):
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			f.add(place, openapi.ErrorCodeWrongType, "not an integer", "")
			return
		}
		v = n
	case schema.Type.Is("boolean"):
		if text != "true" && text != "false" {
			f.add(place, openapi.ErrorCodeWrongType, "not true or false", "")
			return
		}
		v = text == "true"
	}
	var found faults
	c.visit(schema, v, &found)
	for _, x := range found.list {
		f.add(place, x.Rule, x.Message, "")
	}
}

// visit checks a value against a schema and records every fault with its pointer.
func (c *contract) visit(schema *openapi3.Schema, v any, f *faults) {
	if err := schema.VisitJSON(v, c.options...); err != nil {
		record(err, f)
	}
}

func record(err error, f *faults) {
	var all openapi3.MultiError
	if m, ok := err.(openapi3.MultiError); ok {
		all = m
	}
	if all != nil {
		// A format knows best what is wrong with a text, so it speaks first.
		for _, formatsFirst := range []bool{true, false} {
			for _, e := range all {
				if f.full() {
					return
				}
				var s *openapi3.SchemaError
				if errors.As(e, &s) && (s.SchemaField == "format") == formatsFirst {
					recordOne(s, f)
				}
			}
		}
		return
	}
	var s *openapi3.SchemaError
	if errors.As(err, &s) {
		recordOne(s, f)
		return
	}
	f.add("", openapi.ErrorCodeInvalidValue, err.Error(), "")
}

func recordOne(s *openapi3.SchemaError, f *faults) {
	at := pointer(s.JSONPointer())
	var bad *formatFault
	switch {
	case errors.As(s.Origin, &bad):
		f.add(at, bad.code, bad.message, bad.isoReason)
	case s.SchemaField == "properties":
		object, _ := s.Value.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if !f.full() && s.Schema.Properties[name] == nil {
				f.add(at+pointer([]string{name}), openapi.ErrorCodeUnknownField, "the contract has no such field", "CH17")
			}
		}
	case s.SchemaField == "required":
		f.add(at, openapi.ErrorCodeMissingField, "missing", "CH21")
	case s.SchemaField == "type":
		f.add(at, openapi.ErrorCodeWrongType, "must be of type "+strings.Join(s.Schema.Type.Slice(), " or "), "CH16")
	default:
		f.add(at, openapi.ErrorCodeInvalidValue, s.Reason, "CH16")
	}
}

// submissionMedia is the type of canonical submission bytes.
const submissionMedia = "application/vnd.viaduct.submission"

// checkMedia returns the request's content type if the operation takes it.
func (op *operation) checkMedia(r *http.Request) (string, bool) {
	given := r.Header.Values("Content-Type")
	if len(given) != 1 {
		return "", false
	}
	media, params, err := mime.ParseMediaType(given[0])
	switch {
	case err != nil:
		return "", false
	case media == op.raw:
		return media, true
	case media != op.media && (op.media != "application/xml" || media != "text/xml"):
		return "", false
	}
	charset := params["charset"]
	return media, charset == "" || strings.EqualFold(charset, "utf-8")
}

// prune takes the faulty members out of a body, so that the rest can be bound and looked at too.
func prune(v any, f *faults) any {
	for _, x := range f.list {
		path := strings.Split(x.Pointer, "/")
		if path[0] != "" || len(path) < 2 {
			continue
		}
		at := v
		for _, name := range path[1 : len(path)-1] {
			at = child(at, name)
		}
		if o, ok := at.(map[string]any); ok {
			delete(o, unescapePointer.Replace(path[len(path)-1]))
		}
	}
	return v
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

func child(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		return v[unescapePointer.Replace(name)]
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return nil
}

// canonical returns a body's content in one form: members sorted, no white space.
func canonical(v any) ([]byte, error) { return json.Marshal(v) }

type exchangeKey struct{}

// exchange is what the gateway knows of the request under way.
type exchange struct {
	id     string          // of the request
	trace  tracing.Context // the request's own where it is traced, otherwise the caller's
	op     *operation
	caller caller
	conn   connection
	base   string // the URL under which the caller sees the gateway
	// authorization is what came as such, for the one operation that reads it itself.
	authorization []string
	key           string // Idempotency-Key, "" for none
	wait          int    // seconds, from Prefer; -1 when not asked
	body          []byte // canonical JSON, or XML as it came
	json          bool   // the caller accepts JSON and not XML
	csv           bool   // it accepts CSV and not JSON
	faults        faults
	code          openapi.ErrorCode // of the problem answered, for the log
}

// exchangeOf returns the exchange of a request's context; every request has one.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}
