package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Status is where a payment is on its way. Only settled is irrevocable.
type Status string

// The statuses.
const (
	StatusReceived  Status = "received"
	StatusHeld      Status = "held"
	StatusQueued    Status = "queued"
	StatusAccepted  Status = "accepted"
	StatusSettled   Status = "settled"
	StatusRejected  Status = "rejected"
	StatusCancelled Status = "cancelled"
	StatusExpired   Status = "expired"
	StatusReturned  Status = "returned"
)

// How a payment came.
const (
	KindJSON       = "json"
	KindPacs008    = "pacs008"
	KindPacs009    = "pacs009"
	KindPacs004    = "pacs004"
	KindPain001    = "pain001"
	KindSubmission = "submission" // signed by the participant itself: nothing is known before the block
)

// Payment is an order to pay and what became of it.
type Payment struct {
	ID       ledger.ID
	From, To ledger.BIC
	Kind     string
	Status   Status
	// Code is the slug of the outcome that refused it, and ISOReason the ISO 20022 status reason.
	Code, ISOReason      string
	Mode                 ledger.Mode
	Partial              bool
	Send, Deliver        ledger.AssetName
	Amount, Bound, Least int64
	Source, Delivered    int64 // what it cost and brought, when settled
	// DeliveredIssuer is whose asset arrived; zero when there were several, or nothing arrived.
	DeliveredIssuer ledger.BIC
	NotAfter        int64
	UETR            [16]byte
	UETRKind        ledger.UETRKind
	EndToEndID      string
	Commitment      ledger.Hash
	// The mid-market rate that Bound was made from, where the gateway made it.
	MidRate   string
	MidTime   int64
	MidSource string
	// Settled is the ledger's time when it was decided, settled or not.
	Created, Accepted, Settled int64
	Height                     uint64 // of the result; 0 while it is not ordered
	Index                      int
	Cover                      ledger.ID // of a covered transfer: the payment that brought its money; zero before
}

// Arrived returns the asset that arrived with a settled payment; without an issuer when there were several.
func (p *Payment) Arrived() ledger.AssetName {
	a := p.Deliver
	if a.Issuer == (ledger.BIC{}) {
		a.Issuer = p.DeliveredIssuer
	}
	return a
}

// Details are the confidential part of a payment: what its commitment covers.
type Details struct {
	Payment ledger.ID
	From    ledger.BIC
	Salt    ledger.Hash
	Text    []byte
}

const paymentColumns = `id, sender, receiver, kind, status, code, iso_reason, mode, partial, send_currency, send_issuer,
	deliver_currency, deliver_issuer, amount, bound, least, source, delivered, not_after, uetr, uetr_kind,
	end_to_end_id, commitment, mid_rate, mid_time, mid_source, created, accepted, settled, height, idx, cover,
	delivered_issuer`

func (p *Payment) appendTo(n *insertion) {
	n.row(p.ID[:], p.From.String(), p.To.String(), p.Kind, string(p.Status), p.Code, p.ISOReason, int64(p.Mode), p.Partial,
		p.Send.Currency.String(), p.Send.Issuer.String(), p.Deliver.Currency.String(), p.Deliver.Issuer.String(),
		p.Amount, p.Bound, p.Least, p.Source, p.Delivered, p.NotAfter, p.UETR[:], int64(p.UETRKind),
		text(p.EndToEndID), p.Commitment[:], p.MidRate, p.MidTime, p.MidSource, p.Created, p.Accepted, p.Settled,
		int64(p.Height), p.Index, p.Cover[:], p.DeliveredIssuer.String())
}

func scanPayment(r *sql.Rows, p *Payment) error {
	return r.Scan(toID(&p.ID), toBIC(&p.From), toBIC(&p.To), &p.Kind, &p.Status, &p.Code, &p.ISOReason, &p.Mode, &p.Partial,
		toCurrency(&p.Send.Currency), toBIC(&p.Send.Issuer), toCurrency(&p.Deliver.Currency), toBIC(&p.Deliver.Issuer),
		&p.Amount, &p.Bound, &p.Least, &p.Source, &p.Delivered, &p.NotAfter, toFixed(p.UETR[:]), &p.UETRKind,
		&p.EndToEndID, toHash(&p.Commitment), &p.MidRate, &p.MidTime, &p.MidSource, &p.Created, &p.Accepted, &p.Settled,
		&p.Height, &p.Index, toID(&p.Cover), toBIC(&p.DeliveredIssuer))
}

// Payment returns a payment that viewer may see: what it sent, and what it received once that settled.
// What comes to nothing is not its receiver's business. Should two senders have used one id, viewer's
// own comes first.
func (s *Store) Payment(ctx context.Context, viewer ledger.BIC, id ledger.ID) (Payment, error) {
	me := viewer.String()
	return one(ctx, s.read, "payment", scanPayment, `SELECT `+paymentColumns+` FROM payments
		WHERE id = $1 AND (sender = $2 OR receiver = $2 AND status = 'settled')
		ORDER BY CASE sender WHEN $2 THEN 0 ELSE 1 END, height, idx LIMIT 1`, id[:], me)
}

// paymentsAtOnce is how many payments one statement of PaymentsByID asks for.
const paymentsAtOnce = 100

// PaymentsByID returns the payments of a sender among ids, in no order.
func (s *Store) PaymentsByID(ctx context.Context, sender ledger.BIC, ids []ledger.ID) (found []Payment, err error) {
	for some := range slices.Chunk(ids, paymentsAtOnce) {
		var w where
		w.add("SELECT "+paymentColumns+" FROM payments WHERE sender = ? AND id IN (?", sender.String(), some[0][:])
		for i := range some[1:] {
			w.add(", ?", some[i+1][:])
		}
		w.add(")")
		part, err := list(ctx, s.reads.QueryContext, "payments", scanPayment, string(w.text), w.args...)
		if err != nil {
			return nil, err
		}
		found = append(found, part...)
	}
	return found, nil
}

// PaymentFilter narrows a list of payments; zero fields ask nothing.
type PaymentFilter struct {
	Status       Status
	Currency     money.Currency // sent or delivered
	Counterparty ledger.BIC
	UETR         [16]byte
	EndToEndID   string
	CreatedFrom  int64 // at or after
	CreatedUntil int64 // before
	// SettledFrom and SettledUntil are the same of the time when it was decided. They put the list in the
	// order of that time.
	SettledFrom, SettledUntil int64
}

// PaymentCursor is the last payment of a page; zero asks for the first page. At is its time in the list's
// order.
type PaymentCursor struct {
	At int64
	ID ledger.ID
}

// bySettled says whether the list is in the order of the settlements.
func (f *PaymentFilter) bySettled() bool { return f.SettledFrom != 0 || f.SettledUntil != 0 }

// CursorAt returns the cursor behind a payment of the list.
func (f *PaymentFilter) CursorAt(p *Payment) PaymentCursor {
	if f.bySettled() {
		return PaymentCursor{p.Settled, p.ID}
	}
	return PaymentCursor{p.Created, p.ID}
}

// unsettled names the statuses that have an index of their own; they are written into the statement,
// for a planner to see that the index serves.
var unsettled = []Status{
	StatusReceived, StatusHeld, StatusQueued, StatusAccepted, StatusRejected, StatusCancelled, StatusExpired, StatusReturned,
}

// Payments returns a page of what viewer may see, newest first.
func (s *Store) Payments(ctx context.Context, viewer ledger.BIC, f PaymentFilter, after PaymentCursor, limit int) ([]Payment, error) {
	var w where
	from := "payments"
	switch {
	// These find few payments and are looked up first: left to itself a planner walks the index by
	// time to its end.
	case f.UETR != [16]byte{}:
		from = "few"
		w.add("WITH few AS MATERIALIZED (SELECT * FROM payments WHERE uetr = ?) ", f.UETR[:])
	case f.EndToEndID != "":
		from = "few"
		w.add("WITH few AS MATERIALIZED (SELECT * FROM payments WHERE end_to_end_id = ? AND end_to_end_id <> '') ", f.EndToEndID)
	}
	// Each side has its index by time, and each is read only as far as the page goes.
	w.add("SELECT "+paymentColumns+" FROM (SELECT * FROM (SELECT * FROM "+from+" WHERE sender = ?", viewer.String())
	f.narrow(&w, "receiver", after, limit)
	w.add(") AS sent UNION ALL SELECT * FROM (SELECT * FROM "+from+" WHERE receiver = ? AND sender <> ? AND status = 'settled'", viewer.String(), viewer.String())
	f.narrow(&w, "sender", after, limit)
	w.add(") AS got) AS found ORDER BY "+f.order()+" LIMIT ?", limit)
	return list(ctx, s.read, "payments", scanPayment, string(w.text), w.args...)
}

func (f *PaymentFilter) narrow(w *where, other string, after PaymentCursor, limit int) {
	switch {
	case f.Status == "":
	case slices.Contains(unsettled, f.Status):
		w.add(" AND status <> 'settled' AND status = '" + string(f.Status) + "'")
	default:
		w.add(" AND status = ?", string(f.Status))
	}
	if f.Currency != 0 {
		w.add(" AND (send_currency = ? OR deliver_currency = ?)", f.Currency.String(), f.Currency.String())
	}
	if f.Counterparty != (ledger.BIC{}) {
		w.add(" AND "+other+" = ?", f.Counterparty.String())
	}
	if f.UETR != ([16]byte{}) {
		w.add(" AND uetr = ?", f.UETR[:])
	}
	if f.EndToEndID != "" {
		w.add(" AND end_to_end_id = ?", f.EndToEndID)
	}
	if f.CreatedFrom != 0 {
		w.add(" AND created >= ?", f.CreatedFrom)
	}
	if f.CreatedUntil != 0 {
		w.add(" AND created < ?", f.CreatedUntil)
	}
	at := "created"
	if f.bySettled() {
		at = "settled"
		w.add(" AND settled > 0")
	}
	if f.SettledFrom != 0 {
		w.add(" AND settled >= ?", f.SettledFrom)
	}
	if f.SettledUntil != 0 {
		w.add(" AND settled < ?", f.SettledUntil)
	}
	if after != (PaymentCursor{}) {
		w.add(" AND ("+at+", id) < (?, ?)", after.At, after.ID[:])
	}
	w.add(" ORDER BY "+f.order()+" LIMIT ?", limit)
}

func (f *PaymentFilter) order() string {
	if f.bySettled() {
		return "settled DESC, id DESC"
	}
	return "created DESC, id DESC"
}

// Returned says which settled payment a settled return gives back, or which return gave a payment back; zero
// for none. A return has the UETR of what it gives back and goes the other way (pacs.004); an advice, for which
// nothing moved, is not what is given back.
func (s *Store) Returned(ctx context.Context, p *Payment) (ledger.ID, error) {
	kind, mode := "uetr_kind = ?", int64(ledger.UETRReturn)
	if p.UETRKind == ledger.UETRReturn {
		kind, mode = "uetr_kind <> "+strconv.Itoa(int(ledger.UETRReturn))+" AND mode <> ?", int64(ledger.Covered)
	} else if p.Mode == ledger.Covered {
		return ledger.ID{}, nil
	}
	var w where
	w.add("SELECT id FROM payments WHERE uetr = ? AND sender = ? AND receiver = ? AND status = 'settled' AND ", p.UETR[:], p.To.String(), p.From.String())
	w.add(kind+" ORDER BY created DESC, id DESC LIMIT 1", mode)
	found, err := list(ctx, s.read, "returned payment", func(r *sql.Rows, id *ledger.ID) error { return r.Scan(toID(id)) }, string(w.text), w.args...)
	if err != nil || len(found) == 0 {
		return ledger.ID{}, err
	}
	return found[0], nil
}

// PaymentDetails returns the confidential details of a payment that viewer may see, by the rule of Payment.
func (s *Store) PaymentDetails(ctx context.Context, viewer ledger.BIC, id ledger.ID) (Details, error) {
	return one(ctx, s.read, "payment details", func(r *sql.Rows, d *Details) error {
		return r.Scan(toID(&d.Payment), toBIC(&d.From), toHash(&d.Salt), &d.Text)
	}, `SELECT payment, sender, salt, details FROM payment_details WHERE payment = $1 AND sender = (
		SELECT sender FROM payments WHERE id = $1 AND (sender = $2 OR receiver = $2 AND status = 'settled')
		ORDER BY CASE sender WHEN $2 THEN 0 ELSE 1 END, height, idx LIMIT 1)`, id[:], viewer.String())
}

// Moves returns the moves of a result, for those who may see its payment or own its offer.
func (s *Store) Moves(ctx context.Context, height uint64, index int) ([]ledger.Move, error) {
	leaf, err := one(ctx, s.read, "result", scanValue[[]byte],
		`SELECT leaf FROM leaves WHERE height = $1 AND idx = $2`, int64(height), index)
	if err != nil || len(leaf) == 0 {
		return nil, err
	}
	l, err := ledger.DecodeLeaf(leaf)
	if err != nil {
		return nil, fmt.Errorf("result %d of block %d: %w", index, height, err)
	}
	return l.Moves, nil
}

// Posting is one change of one balance.
type Posting struct {
	Height         uint64
	Index, Seq     int
	Holder         ledger.BIC
	Asset          ledger.AssetName
	Reason         string
	Delta, Balance int64
	Time           int64
}

// Postings returns the postings of a result on positions that viewer holds.
func (s *Store) Postings(ctx context.Context, viewer ledger.BIC, height uint64, index int) ([]Posting, error) {
	return list(ctx, s.read, "postings", func(r *sql.Rows, p *Posting) error {
		var reason ledger.PostingReason
		err := r.Scan(&p.Height, &p.Index, &p.Seq, toBIC(&p.Holder), toCurrency(&p.Asset.Currency), toBIC(&p.Asset.Issuer), &reason, &p.Delta, &p.Balance, &p.Time)
		p.Reason = reason.String()
		return err
	}, `SELECT n.height, n.idx, n.seq, p.holder, p.currency, p.issuer, n.reason, n.delta, n.balance, b.time
		FROM postings n JOIN positions p ON p.pos = n.pos JOIN blocks b ON b.height = n.height
		WHERE n.height = $1 AND n.idx = $2 AND p.holder = $3 ORDER BY n.seq`, int64(height), index, viewer.String())
}
