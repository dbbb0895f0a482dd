package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"viaduct/ledger"
	"viaduct/openapi"
)

// kind is one row of the table that says how a code is told over HTTP.
type kind struct {
	status    int
	title     string
	retryable bool
}

// kinds is the one table from code to status and title. The codes of ledger outcomes stand in it with
// the status of a request other than a payment; a refused payment is no HTTP error. What is not in
// the table is a 500 without detail.
var kinds = map[openapi.ErrorCode]kind{
	// What cannot be read.
	openapi.ErrorCodeInvalidRequest:       {400, "The request has several faults", false},
	openapi.ErrorCodeMalformedJson:        {400, "The body is not JSON", false},
	openapi.ErrorCodeMalformedXml:         {400, "The body is not an ISO 20022 message", false},
	openapi.ErrorCodeInvalidUtf8:          {400, "The body is not UTF-8", false},
	openapi.ErrorCodeDuplicateKey:         {400, "A member appears twice", false},
	openapi.ErrorCodeTrailingData:         {400, "Something follows the JSON value", false},
	openapi.ErrorCodeTooDeep:              {400, "The body is nested too deeply", false},
	openapi.ErrorCodeTooLarge:             {413, "The body is too large", false},
	openapi.ErrorCodeUnsupportedMediaType: {415, "The content type is not accepted here", false},

	// Faulty fields.
	openapi.ErrorCodeUnknownField:            {400, "The contract has no such field", false},
	openapi.ErrorCodeMissingField:            {400, "A field is missing", false},
	openapi.ErrorCodeWrongType:               {400, "A field has the wrong type", false},
	openapi.ErrorCodeInvalidValue:            {400, "A field's value is not allowed", false},
	openapi.ErrorCodeConflictingFields:       {400, "Fields exclude each other", false},
	openapi.ErrorCodeInvalidBic:              {400, "Not a BIC", false},
	openapi.ErrorCodeInvalidCurrency:         {400, "Not an ISO 4217 currency", false},
	openapi.ErrorCodeInvalidAsset:            {400, "Not an asset", false},
	openapi.ErrorCodeInvalidAmount:           {400, "Not a valid amount", false},
	openapi.ErrorCodeTooManyDecimals:         {400, "More decimals than the currency has", false},
	openapi.ErrorCodeAmountOutOfRange:        {400, "The amount is too large", false},
	openapi.ErrorCodeInvalidUetr:             {400, "Not a UETR", false},
	openapi.ErrorCodeInvalidTime:             {400, "Not a time", false},
	openapi.ErrorCodeInvalidCountry:          {400, "Not a country", false},
	openapi.ErrorCodeCountryMismatch:         {400, "The BIC is of another country", false},
	openapi.ErrorCodeInvalidLei:              {400, "Not an LEI", false},
	openapi.ErrorCodeInvalidPublicKey:        {400, "Not an Ed25519 public key", false},
	openapi.ErrorCodeInvalidSubmission:       {400, "Not a submission of this request", false},
	openapi.ErrorCodeBadSignature:            {400, "The signature does not verify", false},
	openapi.ErrorCodeInvalidUrl:              {400, "The address cannot be used", false},
	openapi.ErrorCodeInvalidCursor:           {400, "Not a cursor of this list", false},
	openapi.ErrorCodeInvalidMessage:          {400, "The ISO 20022 message breaks rules", false},
	openapi.ErrorCodeNotYourMessage:          {400, "The message is not the caller's to send", false},
	openapi.ErrorCodeMessageRecipientUnknown: {400, "An agent of the message is not admitted", false},
	openapi.ErrorCodeOriginalUnknown:         {400, "The message refers to no payment of the caller's", false},
	openapi.ErrorCodeNotHeld:                 {409, "The payment waits for no approval", false},
	openapi.ErrorCodePastNotAfter:            {400, "Its last moment has passed", false},
	openapi.ErrorCodeSelfPayment:             {400, "A participant does not pay itself in one currency", false},
	openapi.ErrorCodeUnknownReceiver:         {400, "The receiver is not admitted", false},
	openapi.ErrorCodeUnknownIssuer:           {400, "The issuer is not admitted", false},
	openapi.ErrorCodeUnknownParticipant:      {400, "The participant is not admitted", false},
	openapi.ErrorCodeUnknownCurrency:         {400, "The network does not settle this currency", false},
	openapi.ErrorCodeSameAsset:               {400, "An offer gives one asset for another", false},
	openapi.ErrorCodeOfferExpired:            {400, "The offer has expired", false},
	openapi.ErrorCodeBadFee:                  {400, "A fee or quality is out of bounds", false},
	openapi.ErrorCodeBadLimit:                {400, "The limit is out of bounds", false},
	openapi.ErrorCodeBadAmount:               {400, "The amount is out of bounds", false},
	openapi.ErrorCodeBadPrice:                {400, "The price is out of bounds", false},
	openapi.ErrorCodeOwnAsset:                {400, "An issuer keeps no line in its own asset", false},
	openapi.ErrorCodeBadParticipant:          {400, "Name, country or LEI out of bounds", false},

	// Who may.
	openapi.ErrorCodeUnauthorized:        {401, "A valid API key is needed", false},
	openapi.ErrorCodeSignatureRequired:   {401, "A message signature is needed", false},
	openapi.ErrorCodeInvalidSignature:    {401, "The message signature is not good", false},
	openapi.ErrorCodeSignatureReplayed:   {401, "The message signature was used before", false},
	openapi.ErrorCodeCertificateRequired: {401, "A registered client certificate is needed", false},
	openapi.ErrorCodeDigestMismatch:      {400, "The body is not the one that was digested", false},
	openapi.ErrorCodeInvalidCertificate:  {400, "Not a certificate", false},
	openapi.ErrorCodeClientKeyExists:     {409, "The key is registered already", false},
	openapi.ErrorCodeTooManyClientKeys:   {409, "Too many client keys", false},
	openapi.ErrorCodeInsufficientScope:   {403, "The key's scopes do not allow it", false},
	openapi.ErrorCodeAddressNotAllowed:   {403, "The key may not be used from this address", false},
	openapi.ErrorCodeNotAllowed:          {403, "Not allowed to this caller", false},
	openapi.ErrorCodeNoSigningKey:        {403, "The gateway keeps no key that signs for the participant", false},
	openapi.ErrorCodeNotFound:            {404, "Not found", false},
	openapi.ErrorCodeMethodNotAllowed:    {405, "The method is not allowed here", false},

	// Idempotency and state.
	openapi.ErrorCodeMissingIdempotencyKey: {400, "An Idempotency-Key is needed", false},
	openapi.ErrorCodeIdempotencyKeyReused:  {422, "The Idempotency-Key was used for another request", false},
	openapi.ErrorCodeRequestInFlight:       {409, "The same request is under way", true},
	openapi.ErrorCodeNotFinal:              {409, "Not final yet", true},
	openapi.ErrorCodeRefusedEarlier:        {409, "The request was refused before; use a new key", false},
	openapi.ErrorCodeDuplicateUetr:         {422, "The UETR was used before", false},
	openapi.ErrorCodeNoPriceBound:          {422, "Nothing bounds the price", false},
	openapi.ErrorCodeParticipantExists:     {409, "The participant is admitted already", false},
	openapi.ErrorCodeTooManyApiKeys:        {409, "Too many API keys", false},
	openapi.ErrorCodeTooManyWebhooks:       {409, "Too many webhooks", false},
	openapi.ErrorCodeTooManyKeys:           {409, "Too many signing keys", false},
	openapi.ErrorCodeTooManyOffers:         {409, "Too many offers", false},
	openapi.ErrorCodeTooManyRotations:      {409, "Too many earlier secrets are still in use", false},
	openapi.ErrorCodeWebhookDisabled:       {409, "The webhook is turned off", false},
	openapi.ErrorCodeNoLine:                {409, "The maker keeps no line in the asset", false},
	openapi.ErrorCodeWouldCross:            {409, "A passive offer would take what stands", false},
	openapi.ErrorCodeNotFilled:             {409, "What stands does not fill all of the offer", false},
	openapi.ErrorCodeLadderCrosses:         {400, "Two levels of the ladder cross each other", false},
	openapi.ErrorCodeBadTtl:                {400, "The time to hold is out of bounds", false},
	openapi.ErrorCodeBadShare:              {400, "The share is out of bounds", false},
	openapi.ErrorCodeTooManyHolds:          {409, "Too many firm quotes are open", false},
	openapi.ErrorCodeQuoteExpired:          {409, "The quote has expired", false},
	openapi.ErrorCodeQuoteUsed:             {409, "The quote was used", false},
	openapi.ErrorCodeQuoteReleased:         {409, "The quote was released", false},
	openapi.ErrorCodeUnknownQuote:          {400, "No such firm quote", false},
	openapi.ErrorCodeQuoteMismatch:         {400, "The payment is not the one that was quoted", false},
	openapi.ErrorCodeTooManyLimits:         {409, "Too many inventory limits", false},
	openapi.ErrorCodeStaleRates:            {409, "The rates are no newer than those in use", false},
	openapi.ErrorCodeTooManyLevels:         {400, "Too many levels", false},
	openapi.ErrorCodeOutsideFence:          {400, "The price is too far off the mid-market rate", false},
	openapi.ErrorCodeNoFreshMid:            {503, "There is no mid-market rate that is fresh", true},
	openapi.ErrorCodeUnknownOffer:          {404, "No such offer", false},
	openapi.ErrorCodeUnknownPayment:        {404, "No such payment waits", false},
	openapi.ErrorCodeIdReused:              {409, "The id was used before", false},
	openapi.ErrorCodeUnknownSigningKey:     {409, "The key is not one of the participant's", false},

	// Ours.
	openapi.ErrorCodeRateLimited:    {429, "Too many requests", true},
	openapi.ErrorCodeTooManyStreams: {429, "Too many streams are open", true},
	openapi.ErrorCodeUnavailable:    {503, "Not available now", true},
	openapi.ErrorCodeOutcomeUnknown: {503, "Not known whether the request was accepted; repeat it with the same key", true},
	openapi.ErrorCodeInternal:       {500, "Internal error", false},
}

// problem is an answer that is an error. It travels as an error until it is rendered.
type problem struct {
	code   openapi.ErrorCode
	detail string
	faults []openapi.Fault
	retry  int // seconds for Retry-After, 0 for none
}

func (p *problem) Error() string { return string(p.code) + ": " + p.detail }

// refuse returns a problem without faulty fields.
func refuse(code openapi.ErrorCode, detail string) *problem {
	return &problem{code: code, detail: detail}
}

var errNotFound = &problem{code: openapi.ErrorCodeNotFound}

// refused returns the problem for what the ledger refused, where the request was no payment.
func refused(o ledger.Outcome) error {
	code := openapi.ErrorCode(o.String())
	if o == ledger.Repeated {
		code = openapi.ErrorCodeRefusedEarlier
	}
	return &problem{code: code, detail: "the ledger refused: " + o.String()}
}

// faults gathers the faulty fields of one request.
type faults struct {
	list []openapi.Fault
}

// maxFaults bounds the faults of one answer, and with them what a hostile body costs.
const maxFaults = 100

// add records one fault; a place that is faulty already, or lies within one that is, is left alone.
func (f *faults) add(pointer string, rule openapi.ErrorCode, message, isoReason string) {
	if len(f.list) < maxFaults && !f.at(pointer) {
		f.list = append(f.list, openapi.Fault{Pointer: pointer, Rule: rule, Message: message, IsoReason: isoReason})
	}
}

// full says that no more faults are told: whoever reads a hundred sends another kind of body next.
func (f *faults) full() bool { return len(f.list) == maxFaults }

// at says whether a place or one it lies in is faulty.
func (f *faults) at(pointer string) bool {
	return slices.ContainsFunc(f.list, func(x openapi.Fault) bool { return within(pointer, x.Pointer) })
}

// touching says whether a place, one it lies in, or a part of it is faulty.
func (f *faults) touching(pointer string) bool {
	return f.at(pointer) || slices.ContainsFunc(f.list, func(x openapi.Fault) bool { return within(x.Pointer, pointer) })
}

func within(pointer, outer string) bool {
	return pointer == outer || len(pointer) > len(outer) && pointer[:len(outer)] == outer && pointer[len(outer)] == '/'
}

// problem returns nil when nothing is faulty. When all faults are of one kind the problem's code
// names it.
func (f *faults) problem() error {
	if len(f.list) == 0 {
		return nil
	}
	p := &problem{code: f.list[0].Rule, faults: f.list}
	for _, x := range f.list[1:] {
		if x.Rule != p.code {
			p.code = openapi.ErrorCodeInvalidRequest
		}
	}
	return p
}

// renderUnbound answers for a body that the contract allows and our types do not hold: JSON calls 1e2
// an integer.
func (g *Gateway) renderUnbound(w http.ResponseWriter, r *http.Request, err error) {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		var f faults
		f.add("/"+strings.ReplaceAll(wrong.Field, ".", "/"), openapi.ErrorCodeWrongType, "must be a plain "+wrong.Type.String(), "CH16")
		err = f.problem()
	}
	g.render(w, r, err)
}

// render writes err as a problem document; what is no problem is logged and told as internal.
func (g *Gateway) render(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	var p *problem
	if !errors.As(err, &p) {
		p = &problem{code: openapi.ErrorCodeInternal}
		if r.Context().Err() != nil {
			p = &problem{code: openapi.ErrorCodeUnavailable, detail: "the request took too long", retry: 1}
		}
		g.cfg.Log.Error("request failed", "request_id", x.id, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	k, ok := kinds[p.code]
	if !ok {
		g.cfg.Log.Error("code without a kind", "request_id", x.id, "code", p.code, "detail", p.detail)
		p = &problem{code: openapi.ErrorCodeInternal}
		k = kinds[p.code]
	}
	if x.op != nil && x.op.oauth && k.status < 500 && k.status != http.StatusTooManyRequests {
		x.code = p.code
		_ = oauthRefusal(openapi.OAuthInvalidRequest, k.title).VisitIssueTokenResponse(w) // the client may be gone
		return
	}
	if p.code == openapi.ErrorCodeSignatureRequired {
		w.Header().Set("Accept-Signature", acceptSignature)
	}
	a, err := g.problemAnswer(x, p)
	if err != nil {
		g.cfg.Log.Error("render problem", "request_id", x.id, "error", err)
		a = &answer{status: k.status, media: problemMedia}
	}
	h := w.Header()
	switch {
	case p.retry > 0:
		h.Set("Retry-After", itoa(p.retry))
	case k.retryable:
		h.Set("Retry-After", "1")
	}
	switch {
	case k.status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="viaduct"`)
	case p.code == openapi.ErrorCodeInsufficientScope && x.op != nil: // RFC 6750, section 3.1
		h.Set("WWW-Authenticate", `Bearer realm="viaduct", error="insufficient_scope", scope="`+x.op.scope+`"`)
	}
	_ = a.write(w) // the client may be gone
}

const problemMedia = "application/problem+json"

// problemAnswer makes the problem document of the request under way.
func (g *Gateway) problemAnswer(x *exchange, p *problem) (*answer, error) {
	k := kinds[p.code]
	x.code = p.code
	a, err := jsonAnswer(k.status, openapi.Problem{
		Type: "/problems/" + string(p.code), Title: k.title, Status: k.status, Detail: p.detail,
		Code: p.code, RequestId: x.id, TraceId: x.trace.Trace(), Retryable: k.retryable, Errors: p.faults,
	})
	a.media = problemMedia
	return a, err
}
