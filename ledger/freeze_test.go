package ledger_test

import (
	"testing"

	"viaduct/fx"
)

// TestAFreezeIsNotGoneAround: an issuer that lets value ripple is a way on from a redemption; a frozen
// holder may redeem, but must not pay others that way, whatever the path search finds.
func TestAFreezeIsNotGoneAround(t *testing.T) {
	w := newWorld(t)
	w.state.Attach(fx.New(w.state))
	for _, command := range []string{
		"admit RHEIDEFF", "admit SEINFRPP", "admit IBERESMM", "admit THAMGB2L",
		"line SEINFRPP EUR@RHEIDEFF limit=1000.00 ripple=on",
		"line IBERESMM EUR@SEINFRPP limit=1000.00",
		"line THAMGB2L EUR@RHEIDEFF limit=1000.00",
		"pay RHEIDEFF SEINFRPP deliver=EUR amount=500.00 send=EUR max=500.00",
		"pay SEINFRPP IBERESMM deliver=EUR@SEINFRPP amount=500.00 send=EUR@SEINFRPP max=500.00",
	} {
		w.run(command)
	}
	through := func() string {
		return w.run("pay IBERESMM THAMGB2L deliver=EUR amount=10.00 send=EUR max=10.00")[0]
	}
	redeem := func() string {
		return w.run("pay IBERESMM SEINFRPP deliver=EUR@SEINFRPP amount=10.00 send=EUR max=10.00")[0]
	}
	const done, frozen, barred = "applied: EUR 10.00 for EUR 10.00", "line_frozen", "not_authorized"
	for _, step := range []struct{ command, want string }{
		{"terms SEINFRPP frozen=off", done},
		{"control SEINFRPP IBERESMM EUR frozen=on", frozen},
		{"control SEINFRPP IBERESMM EUR frozen=off", done},
		{"terms SEINFRPP frozen=on", frozen},
		{"terms SEINFRPP frozen=off", done},
		{"terms SEINFRPP auth=on", barred},
	} {
		w.run(step.command)
		if got := through(); got != step.want {
			t.Errorf("after %s, paying on through the issuer: %s, want %s", step.command, got, step.want)
		}
		if got := redeem(); got != done {
			t.Errorf("after %s, redeeming: %s, want %s", step.command, got, done)
		}
	}
}
