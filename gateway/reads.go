package gateway

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"
)

// ListBlocks lists headers, newest first.
func (s server) ListBlocks(ctx context.Context, r openapi.ListBlocksRequestObject) (openapi.ListBlocksResponseObject, error) {
	const list = "blocks"
	before, err := s.behindNumber(list, r.Params.Cursor, r.Params.Before)
	if err != nil {
		return nil, err
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.Blocks(ctx, uint64(before), limit+1)
	found, next := cut(s.Gateway, list, found, limit, func(b *sqlstore.Block) []byte { return be64(b.Height) })
	page := openapi.ListBlocks200JSONResponse{Data: []openapi.Block{}, NextCursor: next}
	for _, b := range found {
		view, err := blockView(b)
		if err != nil {
			return nil, err
		}
		page.Data = append(page.Data, view)
	}
	return page, err
}

// GetBlock reads a header, its leaf hashes and the checkpoint that makes it final.
func (s server) GetBlock(ctx context.Context, r openapi.GetBlockRequestObject) (openapi.GetBlockResponseObject, error) {
	b, err := s.cfg.Store.Block(ctx, uint64(r.Height))
	if err != nil {
		return nil, missing(err)
	}
	view, err := blockView(b)
	if err != nil {
		return nil, err
	}
	hashes, err := s.cfg.Store.LeafHashes(ctx, b.Height)
	for _, h := range hashes {
		view.LeafHashes = append(view.LeafHashes, hex.EncodeToString(h[:]))
	}
	view.Checkpoint = string(b.Checkpoint)
	return openapi.GetBlock200JSONResponse(view), err
}

func blockView(b sqlstore.Block) (openapi.Block, error) {
	h, err := ledger.DecodeHeader(b.Header)
	if err != nil {
		return openapi.Block{}, fmt.Errorf("block %d: %w", b.Height, err)
	}
	return openapi.Block{
		Height: int64(h.Height), Epoch: int64(h.Epoch), Time: timeText(h.Time), Hash: hex.EncodeToString(b.Hash[:]),
		Previous: hex.EncodeToString(h.Prev[:]), Message: hex.EncodeToString(h.Message[:]), State: hex.EncodeToString(h.State[:]),
		Results: int(h.Results), FirstLeaf: int64(b.FirstLeaf), Leaves: b.Leaves,
	}, nil
}

// ListValidators tells of the network: whose signatures a receipt is checked against.
func (s server) ListValidators(ctx context.Context, _ openapi.ListValidatorsRequestObject) (openapi.ListValidatorsResponseObject, error) {
	status, err := s.cfg.Engine.Status(ctx)
	if err != nil {
		return nil, engineProblem(err)
	}
	now, coming := status.Validators()
	out := openapi.ListValidators200JSONResponse{
		Origin: status.Origin, Network: status.Network, Height: int64(status.Height), Projected: int64(status.Projected),
		Epoch: int64(status.Epoch), Quorum: now.Quorum, Validators: now.Validators, FromHeight: int64(now.From),
		Changes: int64(len(status.Sets) - 1), OperatorKey: status.Operator, OperatorChanges: int64(status.OperatorChanges),
	}
	if coming != nil {
		view := setView(coming)
		out.Coming = &view
	}
	for i := range status.Sets {
		out.Sets = append(out.Sets, setView(&status.Sets[i]))
	}
	return out, nil
}

func setView(s *settlement.ValidatorSet) openapi.ValidatorSet {
	return openapi.ValidatorSet{FromHeight: int64(s.From), Quorum: s.Quorum, Validators: s.Validators}
}

// GetValidatorChange proves who followed whom.
func (s server) GetValidatorChange(ctx context.Context, r openapi.GetValidatorChangeRequestObject) (openapi.GetValidatorChangeResponseObject, error) {
	status, err := s.cfg.Engine.Status(ctx)
	if err != nil {
		return nil, engineProblem(err)
	}
	if r.Number >= int64(len(status.Sets)) {
		return nil, errNotFound
	}
	set := status.Sets[r.Number]
	receipt, err := s.cfg.Engine.ChangeReceipt(ctx, set.Announced)
	if err != nil {
		return nil, engineProblem(err)
	}
	return openapi.GetValidatorChange200JSONResponse{
		Number: r.Number, AnnouncedHeight: int64(set.Announced), FromHeight: int64(set.From), Quorum: set.Quorum,
		Validators: set.Validators, Receipt: string(receipt),
	}, nil
}

// GetLatestCheckpoint reads the newest signed state of the log, and how it goes on from an older one.
func (s server) GetLatestCheckpoint(ctx context.Context, r openapi.GetLatestCheckpointRequestObject) (openapi.GetLatestCheckpointResponseObject, error) {
	c, err := s.cfg.Engine.Checkpoint(ctx, uint64(r.Params.Since))
	if err != nil {
		return nil, engineProblem(err)
	}
	view := openapi.GetLatestCheckpoint200JSONResponse{
		Height: int64(c.Height), Size: int64(c.Size), Checkpoint: c.Note, Since: r.Params.Since, Consistency: []string{},
	}
	for _, h := range c.Consistency {
		view.Consistency = append(view.Consistency, h.String())
	}
	return view, nil
}

// ListRates tells the mid-market rates, against its base as the table has them.
func (s server) ListRates(context.Context, openapi.ListRatesRequestObject) (openapi.ListRatesResponseObject, error) {
	table, err := s.mids()
	if err != nil {
		return nil, &problem{code: openapi.ErrorCodeUnavailable, detail: "no mid-market rates yet"}
	}
	base := table.Base()
	out := openapi.ListRates200JSONResponse{
		Source: table.Source(), AsOf: timeText(table.Date().UnixMilli()), Base: base.String(), Stale: s.stale(table),
		Data: []openapi.Rate{},
	}
	for _, c := range money.Currencies() {
		if mid, err := table.Mid(base, c); err == nil {
			out.Data = append(out.Data, openapi.Rate{Currency: c.String(), Rate: mid.Decimal().String()})
		}
	}
	return out, nil
}

// bookLimit bounds a book's answer; deeper levels are no use to a reader.
const bookLimit = 200

// GetBook reads the offers that give one asset for another, or one currency for another, and how much
// of each can be had.
func (s server) GetBook(ctx context.Context, r openapi.GetBookRequestObject) (openapi.GetBookResponseObject, error) {
	give, err1 := parseAsset(r.Give)
	want, err2 := parseAsset(r.Want)
	if err1 != nil || err2 != nil {
		return nil, errNotFound
	}
	found, err := s.cfg.Store.Book(ctx, give.Currency, want.Currency, bookLimit)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(o sqlstore.Offer) bool {
		return give.Issuer != (ledger.BIC{}) && o.Give != give || want.Issuer != (ledger.BIC{}) && o.Want != want
	})
	ids := make([]ledger.ID, len(found))
	for i, o := range found {
		ids[i] = o.ID
	}
	now, err := s.cfg.Engine.Fillable(ctx, ids)
	if err != nil {
		return nil, engineProblem(err)
	}
	book := openapi.GetBook200JSONResponse{Height: int64(now.Height), Data: []openapi.Offer{}}
	for i, o := range found {
		v := offerView(o)
		v.Fillable = money.New(min(now.Offers[i].Units, o.Remaining), o.Give.Currency).Value()
		v.LimitedBy = boundsOf(now.Offers[i].Bounds)
		book.Data = append(book.Data, v)
	}
	return book, nil
}
