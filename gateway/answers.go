package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// answer is a response as it is given and kept.
type answer struct {
	status   int
	media    string
	body     []byte
	replayed bool
}

// jsonAnswer makes an answer of a value of the contract.
func jsonAnswer(status int, v any) (*answer, error) {
	body, err := json.Marshal(v)
	return &answer{status: status, media: "application/json", body: body}, err
}

func (a *answer) write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", a.media)
	if a.replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(a.status)
	_, err := w.Write(a.body)
	return err
}

// The answers that are kept serve the generated response interfaces as the bytes they are.

// VisitCreatePaymentResponse writes the answer.
func (a *answer) VisitCreatePaymentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitCreatePaymentsResponse writes the answer.
func (a *answer) VisitCreatePaymentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitSubmitMessageResponse writes the answer.
func (a *answer) VisitSubmitMessageResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitPlaceOfferResponse writes the answer.
func (a *answer) VisitPlaceOfferResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitCancelOfferResponse writes the answer.
func (a *answer) VisitCancelOfferResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitSetLineResponse writes the answer.
func (a *answer) VisitSetLineResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitCloseLineResponse writes the answer.
func (a *answer) VisitCloseLineResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitAdmitParticipantResponse writes the answer.
func (a *answer) VisitAdmitParticipantResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitChangeParticipantResponse writes the answer.
func (a *answer) VisitChangeParticipantResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitAddSigningKeyResponse writes the answer.
func (a *answer) VisitAddSigningKeyResponse(w http.ResponseWriter) error { return a.write(w) }

// replay gives the first answer again.
func replay(r sqlstore.Request) (*answer, error) {
	a := &answer{status: r.Status, body: r.Body, replayed: true}
	if err := json.Unmarshal(r.Header, &a.media); err != nil {
		return nil, fmt.Errorf("kept answer: %w", err)
	}
	if a.media == keptProblem {
		var code openapi.ErrorCode
		if err := json.Unmarshal(r.Body, &code); err != nil {
			return nil, fmt.Errorf("kept answer: %w", err)
		}
		return nil, refuse(code, "the ledger refused it the first time")
	}
	return a, nil
}

// keptProblem marks a kept refusal: its code is kept, and each time it is told under the request id of
// the moment.
const keptProblem = "application/problem+json"

func (g *Gateway) keepProblem(ctx context.Context, o order, p *problem) error {
	header, err := json.Marshal(keptProblem)
	if err != nil {
		return err
	}
	body, err := json.Marshal(p.code)
	if err != nil {
		return err
	}
	if err := g.cfg.Store.FinishRequest(ctx, o.signer, o.key, kinds[p.code].status, header, body); err != nil {
		return err
	}
	return p
}
