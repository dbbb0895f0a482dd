package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"viaduct/gateway/iso20022"
	"viaduct/settlement/sqlstore"
)

// reference is what a final answer repeats of the message that ordered a payment. It is kept beside the
// payment, so that a message of a thousand transactions is not read a thousand times.
type reference struct {
	From    string    `json:"from,omitempty"` // of the answer, which goes back to the sender
	To      string    `json:"to,omitempty"`
	Service string    `json:"service,omitempty"`
	Message string    `json:"message"`
	Name    string    `json:"name"` // "pacs.008.001.08"
	Time    time.Time `json:"time,omitzero"`
	Lot     string    `json:"lot,omitempty"` // of an initiation
	Instr   string    `json:"instr,omitempty"`
	E2E     string    `json:"e2e,omitempty"`
	Tx      string    `json:"tx,omitempty"`
	UETR    string    `json:"uetr,omitempty"`
}

// referencesOf returns the references of a message's transactions, in its order.
func referencesOf(m *iso20022.Message) (list []reference) {
	add := func(r reference, t *iso20022.TxStatus) {
		r.Instr, r.E2E, r.Tx, r.UETR = t.InstrID, t.EndToEndID, t.TxID, t.UETR
		list = append(list, r)
	}
	if m.Type == "pain.001" {
		a := m.AnswerInitiation("", time.Time{})
		for i := range a.Lots {
			for j := range a.Lots[i].Orders {
				add(reference{From: a.From, To: a.To, Service: a.BizSvc, Message: a.OriginalID, Name: a.OriginalName, Lot: a.Lots[i].ID}, &a.Lots[i].Orders[j])
			}
		}
		return list
	}
	a := m.Answer("", time.Time{})
	for i := range a.Transactions {
		add(reference{From: a.From, To: a.To, Service: a.BizSvc, Message: a.OriginalID, Name: a.OriginalName, Time: a.OriginalTime}, &a.Transactions[i])
	}
	return list
}

// orderedIn links payments to the message that orders them, transaction by transaction.
func orderedIn(m *iso20022.Message, payments []sqlstore.Payment) ([]sqlstore.MessagePayment, error) {
	refs := referencesOf(m)
	if len(refs) != len(payments) {
		return nil, errors.New("a message of other transactions than its payments")
	}
	links := make([]sqlstore.MessagePayment, len(payments))
	for i := range payments {
		text, err := json.Marshal(refs[i])
		if err != nil {
			return nil, fmt.Errorf("message reference: %w", err)
		}
		links[i] = sqlstore.MessagePayment{ID: payments[i].ID, From: payments[i].From, Reference: text}
	}
	return links, nil
}

// finalStatus makes the report that tells a payment's end to who ordered it in a message: a pain.002 for
// an initiation, else a pacs.002. It follows from what is kept, so that it is the same each time.
func finalStatus(p sqlstore.Payment, kept []byte) (kind, id string, body []byte, err error) {
	var r reference
	if err := json.Unmarshal(kept, &r); err != nil {
		return "", "", nil, fmt.Errorf("kept message reference: %w", err)
	}
	id = "S" + compactID(p.ID)
	at := time.UnixMilli(p.Settled).UTC()
	t := iso20022.TxStatus{InstrID: r.Instr, EndToEndID: r.E2E, TxID: r.Tx, UETR: r.UETR}
	putStatus(p, true, &t)
	if strings.HasPrefix(r.Name, "pain.001.") {
		kind = "pain.002.001.10"
		body, err = iso20022.EmitInitiationReport(iso20022.InitiationReport{
			MessageID: id, Created: at, From: r.From, To: r.To, BizSvc: r.Service, OriginalID: r.Message, OriginalName: r.Name,
			Lots: []iso20022.LotStatus{{ID: r.Lot, Orders: []iso20022.TxStatus{t}}},
		})
	} else {
		kind = "pacs.002.001.10"
		body, err = iso20022.EmitStatusReport(iso20022.StatusReport{
			MessageID: id, Created: at, From: r.From, To: r.To, BizSvc: r.Service,
			OriginalID: r.Message, OriginalName: r.Name, OriginalTime: r.Time, Transactions: []iso20022.TxStatus{t},
		})
	}
	if err != nil {
		return "", "", nil, fmt.Errorf("final status: %w", err)
	}
	return kind, id, body, nil
}
