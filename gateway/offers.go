package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// PlaceOffer places an offer of the caller.
func (s server) PlaceOffer(ctx context.Context, r openapi.PlaceOfferRequestObject) (openapi.PlaceOfferResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator makes no offers")
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPost, path: "/v1/offers", settle: true,
		draft: func(context.Context) (*draft, error) {
			offer := readOffer(r.Body, x.caller.bic, s.now(), &x.faults)
			err := s.fenced(offer.Give.Currency, offer.Want.Currency, offer.Price, "/price", &x.faults)
			return &draft{instructions: []ledger.Instruction{offer}}, err
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			return s.offerAnswer(ctx, http.StatusCreated, x.caller.bic, at)
		},
	})
}

// timesInForce has no word for what is not said, which is good till cancelled.
var timesInForce = map[openapi.TimeInForce]ledger.TimeInForce{
	openapi.TimeInForceGoodTillCancelled: ledger.GoodTillCancelled, openapi.TimeInForceImmediateOrCancel: ledger.ImmediateOrCancel,
	openapi.TimeInForceFillOrKill: ledger.FillOrKill, openapi.TimeInForcePassive: ledger.Passive,
}

// readOffer makes the instruction, and records what is wrong with the request.
func readOffer(in *openapi.NewOffer, maker ledger.BIC, now int64, f *faults) *ledger.PlaceOffer {
	offer := &ledger.PlaceOffer{ID: newID()}
	offer.Amount, offer.Give = readMoney(&in.Give, "/give", f)
	offer.Want = readAsset(in.Want.Currency, in.Want.Issuer, "/want", f)
	for _, a := range []*ledger.AssetName{&offer.Give, &offer.Want} {
		if a.Issuer == (ledger.BIC{}) {
			a.Issuer = maker
		}
	}
	if offer.Give == offer.Want && offer.Give.Currency != 0 {
		f.add("/want", openapi.ErrorCodeSameAsset, "the offer gives this very asset", "")
	}
	switch {
	case f.touching("/want") || f.touching("/price") || f.touching("/give"):
	case in.Price == "" && in.Want.Value == "":
		f.add("/price", openapi.ErrorCodeMissingField, "either price or want's value is needed", "CH21")
	case in.Price != "" && in.Want.Value != "":
		f.add("/price", openapi.ErrorCodeConflictingFields, "either price or want's value", "")
	case in.Price != "":
		price, err := money.ParsePrice(in.Price)
		if err == nil {
			offer.Price, err = price.Ratio(offer.Give.Currency, offer.Want.Currency)
		}
		if err != nil {
			f.add("/price", openapi.ErrorCodeBadPrice, "above zero, at most 15 digits and 12 decimals", "")
		}
	default:
		want := openapi.Money{Currency: in.Want.Currency, Value: in.Want.Value, Issuer: in.Want.Issuer}
		units, _ := readMoney(&want, "/want", f)
		if units > 0 && offer.Amount > 0 {
			var err error
			if offer.Price, err = ledger.NewPrice(units, offer.Amount); err != nil {
				f.add("/want/value", openapi.ErrorCodeBadPrice, "the price is out of bounds", "")
			}
		}
	}
	offer.Expires = readExpiry(in.ExpiresAt, now, f)
	if offer.Force = timesInForce[in.TimeInForce]; offer.Expires != 0 && (offer.Force == ledger.ImmediateOrCancel || offer.Force == ledger.FillOrKill) {
		f.add("/expires_at", openapi.ErrorCodeConflictingFields, "an offer that is filled at once or not at all has no expiry", "")
	}
	return offer
}

// readExpiry reads when an offer ends; 0 where that is not said.
func readExpiry(text openapi.Time, now int64, f *faults) int64 {
	const at = "/expires_at"
	if text == "" || f.at(at) {
		return 0
	}
	expires, err := parseTime(text)
	if err != nil || expires <= now {
		f.add(at, openapi.ErrorCodeOfferExpired, "not a time to come", "DT01")
	}
	return expires
}

// offerAnswer tells of the offer that a submission placed or cancelled.
func (g *Gateway) offerAnswer(ctx context.Context, status int, maker ledger.BIC, at placed) (*answer, error) {
	var id ledger.ID
	cancelled := false
	switch i := at.instructions[0].(type) {
	case *ledger.PlaceOffer:
		id = i.ID
	case *ledger.CancelOffer:
		id, cancelled = i.ID, true
	}
	offer, err := g.cfg.Store.Offer(ctx, maker, id)
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		return nil, err
	}
	seen := func() bool { return err == nil && (!cancelled || offer.Status != "open") }
	if err := g.applied(ctx, at, seen); err != nil {
		return nil, err
	}
	return jsonAnswer(status, offerView(offer))
}

// CancelOffer takes an offer of the caller off the book.
func (s server) CancelOffer(ctx context.Context, r openapi.CancelOfferRequestObject) (openapi.CancelOfferResponseObject, error) {
	x := exchangeOf(ctx)
	id, err := parseID(r.Id)
	if err != nil {
		return nil, err
	}
	if x.caller.operator {
		return nil, errNotFound
	}
	if _, err := s.cfg.Store.Offer(ctx, x.caller.bic, id); err != nil {
		return nil, missing(err)
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodDelete, path: "/v1/offers/" + r.Id, settle: true,
		draft: func(context.Context) (*draft, error) {
			return &draft{instructions: []ledger.Instruction{&ledger.CancelOffer{ID: id}}}, nil
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			return s.offerAnswer(ctx, http.StatusOK, x.caller.bic, at)
		},
	})
}

// GetOffer reads an offer of the caller.
func (s server) GetOffer(ctx context.Context, r openapi.GetOfferRequestObject) (openapi.GetOfferResponseObject, error) {
	id, err := parseID(r.Id)
	if err != nil {
		return nil, err
	}
	offer, err := s.cfg.Store.Offer(ctx, exchangeOf(ctx).caller.bic, id)
	return openapi.GetOffer200JSONResponse(offerView(offer)), missing(err)
}

// ListOffers lists a maker's offers.
func (s server) ListOffers(ctx context.Context, r openapi.ListOffersRequestObject) (openapi.ListOffersResponseObject, error) {
	whose, err := exchangeOf(ctx).caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	list := fmt.Sprintf("offers:%s:%t", whose, r.Params.Open)
	after, err := s.behindNumber(list, r.Params.Cursor, 0)
	if err != nil {
		return nil, err
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.Offers(ctx, sqlstore.OfferFilter{Maker: whose, OpenOnly: r.Params.Open}, uint64(after), limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(s.Gateway, list, found, limit, func(o *sqlstore.Offer) []byte { return be64(o.Seq) })
	page := openapi.ListOffers200JSONResponse{Data: []openapi.Offer{}, NextCursor: next}
	for _, o := range found {
		page.Data = append(page.Data, offerView(o))
	}
	return page, nil
}

func offerView(o sqlstore.Offer) openapi.Offer {
	return openapi.Offer{
		Id: idText(o.ID), Maker: o.Maker.String(), Status: openapi.OfferStatus(o.Status),
		Give: moneyOf(o.Amount, o.Give), Want: moneyOf(costOf(o.Amount, o.Price), o.Want),
		Price: ratioText(o.Price, o.Give.Currency, o.Want.Currency), Remaining: money.New(o.Remaining, o.Give.Currency).Value(),
		Unfillable: o.Crossed, ExpiresAt: timeText(o.Expires), PlacedAt: timeText(o.Placed), Height: int64(o.Height),
	}
}
