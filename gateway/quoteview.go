package gateway

import (
	"viaduct/fx"
	"viaduct/ledger"
	"viaduct/openapi"
)

// pathView tells one slice of a quoted payment.
func pathView(p fx.Path) openapi.Path {
	v := openapi.Path{
		Source: sumOf(p.Sent), Fee: feeOf(p.Fee), Handover: handoverOf(p.By), Hops: []openapi.PathHop{},
		Delivered: sumOf(p.Delivered), Price: ratioText(p.Price, p.Delivered.Currency, p.Sent.Currency),
		Binding: boundsOf(p.Binding),
	}
	for _, h := range p.Hops {
		v.Hops = append(v.Hops, openapi.PathHop{
			Participant: h.Who.String(), In: sumOf(h.In), Out: sumOf(h.Out), Price: ratioText(h.Price, h.Out.Currency, h.In.Currency),
			Fee: feeOf(h.Fee), Handover: handoverOf(h.By), Offer: offerText(h.Offer),
		})
	}
	return v
}

// candidateView tells a route that did not do.
func candidateView(c fx.Candidate) openapi.Candidate {
	v := openapi.Candidate{Hops: []openapi.CandidateHop{}, Stopped: boundsOf(c.Stopped)}
	for _, h := range c.Hops {
		v.Hops = append(v.Hops, openapi.CandidateHop{
			Participant: h.Who.String(), In: h.In.String(), Out: h.Out.String(),
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
		}
	}
	return out
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

func offerText(id ledger.ID) string {
	if id == (ledger.ID{}) {
		return ""
	}
	return idText(id)
}
