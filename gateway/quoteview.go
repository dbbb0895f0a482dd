package gateway

import (
	"viaduct/fx"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

// PathView tells one slice of a payment as the contract does; beside the mid rate, when there is one to compare with.
func PathView(p fx.Path, mid *money.Ratio) openapi.Path {
	v := openapi.Path{
		Source: sumOf(p.Sent), Fee: feeOf(p.Fee), Handover: handoverOf(p.By), Hops: []openapi.PathHop{},
		Delivered: sumOf(p.Delivered), Price: ratioText(p.Price, p.Delivered.Currency, p.Sent.Currency),
		Binding: boundsOf(p.Binding),
	}
	if mid != nil && p.Delivered.Units > 0 {
		v.SpreadBps = spreadBps(p.Sent.Units, p.Delivered.Units, *mid).String()
	}
	for _, h := range p.Hops {
		v.Hops = append(v.Hops, openapi.PathHop{
			Participant: h.Who.String(), Way: wayOf(h.Offer), In: sumOf(h.In), Out: sumOf(h.Out),
			Price: ratioText(h.Price, h.Out.Currency, h.In.Currency),
			Fee:   feeOf(h.Fee), Handover: handoverOf(h.By), Offer: offerText(h.Offer),
		})
	}
	return v
}

// candidateView tells a route that did not do.
func candidateView(c fx.Candidate) openapi.Candidate {
	v := openapi.Candidate{Hops: []openapi.CandidateHop{}, Stopped: boundsOf(c.Stopped)}
	for _, h := range c.Hops {
		v.Hops = append(v.Hops, openapi.CandidateHop{
			Participant: h.Who.String(), Way: wayOf(h.Offer), In: h.In.String(), Out: h.Out.String(),
			Price: ratioText(h.Price, h.Out.Currency, h.In.Currency), Offer: offerText(h.Offer),
		})
	}
	return v
}

func boundsOf(bounds []fx.Bound) []openapi.Bound {
	out := make([]openapi.Bound, len(bounds))
	for i, b := range bounds {
		out[i] = openapi.Bound{
			Reason: openapi.BoundReason(b.Kind.String()), Participant: b.Who.String(), Asset: b.Asset.String(), Offer: offerText(b.Offer),
			Message: boundText(b),
		}
	}
	return out
}

// boundText says a bound in words.
func boundText(b fx.Bound) string {
	who, asset := b.Who.String(), b.Asset.String()
	switch b.Kind {
	case fx.OfferUsedUp:
		return "the offer of " + who + " gives no more " + asset
	case fx.BalanceSpent:
		return who + " has no more " + asset + " to give"
	case fx.LimitReached:
		return "the line of " + who + " takes no more " + asset
	case fx.CapReached:
		return who + " is at its net debit cap in " + b.Asset.Currency.String()
	case fx.AllRedeemed:
		return who + " takes back no more " + asset + " than it has issued"
	case fx.Frozen:
		return "the " + asset + " of " + who + " is frozen"
	case fx.NotAuthorised:
		return b.Asset.Issuer.String() + " has not approved " + who + " to hold " + asset
	case fx.NotRippling:
		return who + " lets no value pass through its line in " + asset
	case fx.OfferHeld:
		return "firm quotes hold the offer of " + who + ", or a part of it"
	case fx.OfferHeldOut:
		return "the offer of " + who + " is held out: it would close a gainful cycle"
	case fx.InventoryReached:
		return "the offer of " + who + " shows no more within its maker's inventory limits"
	}
	return b.Kind.String()
}

// outcomeText says in words why a quote is none; what only an order can run into is left to its code.
func outcomeText(o ledger.Outcome) string {
	switch o {
	case ledger.NoAcceptance:
		return "the receiver accepts no such asset"
	case ledger.NoFunds:
		return "the sender has nothing of what it would send"
	case ledger.NoPath:
		return "no route leads there, whatever the amount"
	case ledger.Shortfall:
		return "the routes there are do not carry so much"
	case ledger.DeliverMinNotMet:
		return "what is sent brings less than asked for"
	case ledger.SendMaxExceeded:
		return "it costs more than the ledger moves in one payment"
	case ledger.BelowMinorUnit:
		return "the amount is too small to move along any route"
	case ledger.SearchLimit:
		return "the split takes more steps than the rules allow; ask for less"
	case ledger.LineFrozen:
		return "all that the sender could send is frozen"
	case ledger.CapExceeded:
		return "the sender's net debit cap leaves it nothing to send"
	case ledger.NotAuthorized:
		return "an issuer has not approved the sender or the receiver"
	case ledger.SelfPayment:
		return "a participant does not pay itself in one currency"
	}
	return ""
}

func sumOf(s fx.Sum) openapi.Money {
	return moneyOf(s.Units, ledger.AssetName{Currency: s.Currency, Issuer: s.Issuer})
}

func feeOf(s fx.Sum) *openapi.Money {
	if s.Units == 0 {
		return nil
	}
	m := sumOf(s)
	return &m
}

func handoverOf(h fx.Handover) openapi.Handover { return openapi.Handover(h.String()) }

// wayOf tells how a hop turns one asset into another: a hop without an offer ripples.
func wayOf(offer ledger.ID) openapi.Way {
	if offer == (ledger.ID{}) {
		return openapi.WayRippling
	}
	return openapi.WayOffer
}

func offerText(id ledger.ID) string {
	if id == (ledger.ID{}) {
		return ""
	}
	return idText(id)
}
