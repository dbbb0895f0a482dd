package gateway

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"viaduct/fx"
	"viaduct/internal/money"
	"viaduct/ledger"
)

// A quote says what a payment costs, hop by hop and beside the mid-market rate; and the payment then
// costs that.
func TestQuote(t *testing.T) {
	r := newRig(t)
	r.market()
	q := r.must(200, r.do("POST", "/v1/quotes", mexican, obj{"to": german, "deliver": cash("EUR", "1000.00")}))
	for field, want := range map[string]string{
		"currency": "MXN", "source/value": "20500.00", "delivered/value": "1000.00", "price": "20.5", "mid/rate": "20", "spread_bps": "250",
		"code": "", "paths/0/source/value": "20500.00", "paths/0/handover": "issue", "paths/0/hops/0/participant": dealer,
		"paths/0/hops/0/price": "20.5", "paths/0/hops/0/out/value": "1000.00", "paths/0/hops/0/handover": "redemption",
		"paths/0/hops/0/way": "offer", "paths/0/spread_bps": "250", "message": "",
	} {
		if got := q.text(append([]string{"options", "0"}, strings.Split(field, "/")...)...); got != want {
			t.Errorf("%s = %q, want %q", field, got, want)
		}
	}
	if n := len(q.json["options"].([]any)); n != 1 {
		t.Errorf("%d options: %s", n, q.body)
	}
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, euros("1000.00"), "Prefer", "wait=10"))
	if paid.text("source", "value") != "20500.00" {
		t.Errorf("quoted 20500.00, paid %s", paid.body)
	}

	send := r.must(200, r.do("POST", "/v1/quotes", mexican, obj{"to": german, "send": cash("MXN", "20500.00"), "target": "EUR@" + german}))
	if send.text("options", "0", "delivered", "value") != "1000.00" {
		t.Errorf("exact send: %s", send.body)
	}
}

// Where there is no way, a quote says why and what stopped the nearest routes.
func TestQuoteWithoutAWay(t *testing.T) {
	r := newRig(t)
	r.market()
	none := r.must(200, r.do("POST", "/v1/quotes", mexican, obj{"to": romanian, "deliver": cash("EUR", "1.00"), "source": "MXN"}))
	if none.text("options", "0", "code") == "" || none.text("options", "0", "source") != "" {
		t.Errorf("%s", none.body)
	}
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/EUR/"+german, german, obj{"frozen": true}))
	r.must(200, r.do("PUT", "/v1/lines/"+romanian+"/EUR/"+german, romanian, obj{"limit": "10.00"}))
	frozen := r.must(200, r.do("POST", "/v1/quotes", mexican, obj{"to": romanian, "deliver": cash("EUR", "1.00"), "source": "MXN"}))
	if frozen.text("options", "0", "code") != "no_path" || frozen.text("options", "0", "candidates", "0", "stopped", "0", "reason") != "frozen" ||
		frozen.text("options", "0", "message") == "" || frozen.text("options", "0", "candidates", "0", "stopped", "0", "participant") != dealer ||
		frozen.text("options", "0", "candidates", "0", "stopped", "0", "message") != "the EUR@"+german+" of "+dealer+" is frozen" {
		t.Errorf("%s", frozen.body)
	}
	for _, tt := range []struct {
		ask    obj
		faults []string
	}{
		{obj{"to": german}, []string{"/deliver conflicting_fields"}},
		{obj{"to": "NOBKDEFF", "deliver": cash("EUR", "0.001")}, []string{"/to unknown_receiver RC04", "/deliver/value too_many_decimals AM12"}},
		{obj{"to": german, "send": cash("MXN", "1.00")}, []string{"/target missing_field CH21"}},
		{obj{"to": german, "from": dealer, "deliver": cash("EUR", "1.00"), "target": "EUR"}, []string{"/from unknown_participant RC03", "/target conflicting_fields"}},
	} {
		diff(t, "faults", r.must(400, r.do("POST", "/v1/quotes", mexican, tt.ask)).faults(), tt.faults)
	}
	// The operator asks for whom it names.
	r.must(200, r.do("POST", "/v1/quotes", "", obj{"from": mexican, "to": german, "deliver": cash("EUR", "1.00")}))
	r.must(400, r.do("POST", "/v1/quotes", "", obj{"to": german, "deliver": cash("EUR", "1.00")}))
}

// More than there is: the code, what could be had instead, and what binds each of its paths.
func TestQuoteShortfall(t *testing.T) {
	r := newRig(t)
	r.market()
	q := r.must(200, r.do("POST", "/v1/quotes", mexican, obj{"to": german, "deliver": cash("EUR", "100000.01"), "source": "MXN"}))
	for field, want := range map[string]string{
		"code": "shortfall", "iso_reason": "AM04", "delivered/value": "100000.00", "source/value": "2050000.00",
		"paths/0/binding/0/reason": "offer_used_up", "paths/0/binding/0/participant": dealer,
		"paths/0/binding/0/message": "the offer of " + dealer + " gives no more EUR@" + german,
	} {
		if got := q.text(append([]string{"options", "0"}, strings.Split(field, "/")...)...); got != want {
			t.Errorf("%s = %q, want %q", field, got, want)
		}
	}
}

// Each way in which a request can have no route is told in words, and so is each bound.
func TestWords(t *testing.T) {
	for _, o := range []ledger.Outcome{
		ledger.NoAcceptance, ledger.NoFunds, ledger.NoPath, ledger.Shortfall, ledger.SendMaxExceeded, ledger.DeliverMinNotMet,
		ledger.BelowMinorUnit, ledger.SearchLimit, ledger.LineFrozen, ledger.CapExceeded, ledger.NotAuthorized, ledger.SelfPayment,
	} {
		if outcomeText(o) == "" {
			t.Errorf("no words for %s", o)
		}
	}
	for kind := fx.OfferUsedUp; kind <= fx.OfferHeldOut; kind++ {
		if text := boundText(fx.Bound{Kind: kind, Who: ledger.MustBIC(dealer)}); text == kind.String() || !strings.Contains(text, dealer) {
			t.Errorf("%s: %q", kind, text)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		source, delivered int64
		mid               money.Ratio
		want              string
	}{
		{2_050_000, 100_000, money.Ratio{N: 20, D: 1}, "250"},
		{2_000_000, 100_000, money.Ratio{N: 20, D: 1}, "0"},
		{1_999_000, 100_000, money.Ratio{N: 20, D: 1}, "-5"},
		{1, 3, money.Ratio{N: 1, D: 3}, "0"},
	} {
		got := spreadBps(tt.source, tt.delivered, tt.mid)
		if !got.Equal(decimal.RequireFromString(tt.want)) {
			t.Errorf("spreadBps(%d, %d, %v) = %s, want %s", tt.source, tt.delivered, tt.mid, got, tt.want)
		}
	}
}
