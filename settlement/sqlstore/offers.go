package sqlstore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"math/bits"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Offer is a dealer's offer, standing or not. Offers are for everyone to see.
type Offer struct {
	ID                ledger.ID
	Maker             ledger.BIC
	Give, Want        ledger.AssetName
	Amount, Remaining int64 // of Give
	Held              int64 // of what remains, by firm quotes
	Price             money.Ratio
	Expires           int64
	Seq               uint64 // order of arrival, and the cursor of lists
	Crossed           bool
	Status            string // open, filled, cancelled or expired
	Placed            int64
	Height            uint64 // of the last change
}

const offerColumns = `seq, id, maker, give_currency, give_issuer, want_currency, want_issuer, amount, remaining, held, price_n, price_d,
	expires, crossed, status, placed, height`

func scanOffer(r *sql.Rows, o *Offer) error {
	return r.Scan(&o.Seq, toID(&o.ID), toBIC(&o.Maker), toCurrency(&o.Give.Currency), toBIC(&o.Give.Issuer), toCurrency(&o.Want.Currency),
		toBIC(&o.Want.Issuer), &o.Amount, &o.Remaining, &o.Held, &o.Price.N, &o.Price.D, &o.Expires, &o.Crossed, &o.Status, &o.Placed, &o.Height)
}

// Offer returns an offer of a maker; the newest, should it have used the id again.
func (s *Store) Offer(ctx context.Context, maker ledger.BIC, id ledger.ID) (Offer, error) {
	return one(ctx, s.read, "offer", scanOffer, `SELECT `+offerColumns+` FROM offers WHERE maker = $1 AND id = $2
		ORDER BY seq DESC LIMIT 1`, maker.String(), id[:])
}

// OfferFilter narrows a list of offers; zero fields ask nothing.
type OfferFilter struct {
	Maker      ledger.BIC
	Give, Want money.Currency
	OpenOnly   bool
}

func (f *OfferFilter) narrow(w *where) {
	if f.Maker != (ledger.BIC{}) {
		w.add(" AND maker = ?", f.Maker.String())
	}
	if f.Give != 0 {
		w.add(" AND give_currency = ?", f.Give.String())
	}
	if f.Want != 0 {
		w.add(" AND want_currency = ?", f.Want.String())
	}
	if f.OpenOnly {
		w.add(" AND status = 'open'")
	}
}

// Offers returns a page of the offers that arrived after one, oldest first.
func (s *Store) Offers(ctx context.Context, f OfferFilter, after uint64, limit int) ([]Offer, error) {
	var w where
	w.add("SELECT "+offerColumns+" FROM offers WHERE seq > ?", int64(after))
	f.narrow(&w)
	w.add(" ORDER BY seq LIMIT ?", limit)
	return list(ctx, s.read, "offers", scanOffer, string(w.text), w.args...)
}

// Book returns the open offers that give one currency for another, best price first, then oldest.
func (s *Store) Book(ctx context.Context, give, want money.Currency, limit int) ([]Offer, error) {
	var w where
	w.add("SELECT " + offerColumns + " FROM offers WHERE TRUE")
	f := OfferFilter{Give: give, Want: want, OpenOnly: true}
	f.narrow(&w)
	w.add(" ORDER BY price_key, seq LIMIT ?", limit)
	return list(ctx, s.read, "book", scanOffer, string(w.text), w.args...)
}

// Ladder returns a maker's open offers between two currencies, both ways, best price first, then oldest.
func (s *Store) Ladder(ctx context.Context, maker ledger.BIC, base, quote money.Currency) ([]Offer, error) {
	return list(ctx, s.read, "ladder", scanOffer, `SELECT `+offerColumns+` FROM offers WHERE maker = $1 AND status = 'open'
		AND (give_currency = $2 AND want_currency = $3 OR give_currency = $3 AND want_currency = $2) ORDER BY price_key, seq`,
		maker.String(), base.String(), quote.String())
}

// priceKey returns n/d as a whole part and 128 binary places. The ledger's prices have terms below
// 2^60, so two that differ do so by more than 2^-120: the keys sort exactly as the prices do.
func priceKey(p money.Ratio) []byte {
	d := uint64(p.D)
	whole, rest := uint64(p.N)/d, uint64(p.N)%d
	high, rest := bits.Div64(rest, 0, d)
	low, _ := bits.Div64(rest, 0, d)
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 24), whole)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(key, high), low)
}
