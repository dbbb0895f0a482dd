package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"

	"viaduct/settlement/sqlstore"
)

// answer is a response as it is given and kept.
type answer struct {
	status   int
	media    string
	body     []byte
	replayed bool
	sent     []sqlstore.Message // it, where it is a message to keep
}

// jsonAnswer makes an answer of a value of the contract.
func jsonAnswer(status int, v any) (*answer, error) {
	body, err := json.Marshal(v)
	return &answer{status: status, media: "application/json", body: append(body, '\n')}, err
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

// VisitReplaceOffersResponse writes the answer.
func (a *answer) VisitReplaceOffersResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitSetInventoryResponse writes the answer.
func (a *answer) VisitSetInventoryResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitCancelOfferResponse writes the answer.
func (a *answer) VisitCancelOfferResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitQuoteResponse writes the answer.
func (a *answer) VisitQuoteResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitReleaseQuoteResponse writes the answer.
func (a *answer) VisitReleaseQuoteResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitSetLineResponse writes the answer.
func (a *answer) VisitSetLineResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitCloseLineResponse writes the answer.
func (a *answer) VisitCloseLineResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitAdmitParticipantResponse writes the answer.
func (a *answer) VisitAdmitParticipantResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitChangeParticipantResponse writes the answer.
func (a *answer) VisitChangeParticipantResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitSubmitResponse writes the answer.
func (a *answer) VisitSubmitResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitAddSigningKeyResponse writes the answer.
func (a *answer) VisitAddSigningKeyResponse(w http.ResponseWriter) error { return a.write(w) }

// replay gives the first answer again.
func replay(r sqlstore.Request) (*answer, error) {
	a := &answer{status: r.Status, body: r.Body, replayed: true}
	if err := json.Unmarshal(r.Header, &a.media); err != nil {
		return nil, fmt.Errorf("kept answer: %w", err)
	}
	return a, nil
}
