package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/internal/money"
	"viaduct/ledger"
)

func TestProjectsWhatTheLedgerDecided(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "project")
		pay := payUSD(2, kbc, 30_000)
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{pay, payUSD(3, kbc, 999_999)}}))

		height, hash, ok, err := s.Projected(ctx)
		if err != nil || !ok || height != 4 || hash != c.state.LastHeader() {
			t.Fatalf("Projected = %d, %x, %v, %v", height, hash, ok, err)
		}
		want := Payment{
			ID: pay.ID, From: bbva, To: kbc, Kind: KindSubmission, Status: StatusSettled, Mode: ledger.ExactDeliver,
			Send: pay.Send, Deliver: pay.Deliver, Amount: 30_000, Bound: 30_000, Source: 30_000, Delivered: 30_000, DeliveredIssuer: chase,
			UETR: pay.UETR, UETRKind: ledger.UETRPayment, Commitment: pay.Commitment,
			Created: genesisTime + 4000, Accepted: genesisTime + 4000, Settled: genesisTime + 4000, Height: 4,
		}
		for _, viewer := range []ledger.BIC{bbva, kbc} {
			got, err := s.Payment(ctx, viewer, pay.ID)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s sees %v, diff %s", viewer, err, diff)
			}
		}
		refused, err := s.Payment(ctx, bbva, idOf(3))
		if err != nil || refused.Status != StatusRejected || refused.Code != "shortfall" && refused.Code != "no_funds" || refused.ISOReason != "AM04" || refused.Index != 1 {
			t.Errorf("refused payment = %+v, %v", refused, err)
		}
		moves, err := s.Moves(ctx, 4, 0)
		if diff := cmp.Diff(c.block.Results[0].Moves, moves); err != nil || diff != "" {
			t.Errorf("Moves: %v, diff %s", err, diff)
		}
		postings, err := s.Postings(ctx, bbva, 4, 0)
		if err != nil || len(postings) != 1 || postings[0].Delta != -30_000 || postings[0].Balance != 70_000 || postings[0].Reason != "transfer" ||
			postings[0].Asset != usdAtChase || postings[0].Time != genesisTime+4000 {
			t.Errorf("Postings = %+v, %v", postings, err)
		}
		block, err := s.Block(ctx, 4)
		if err != nil || block.Hash != hash || !bytes.Equal(block.Header, c.block.Header.Encode()) || block.Leaves != 3 || block.FirstLeaf != c.leaf-3 {
			t.Errorf("Block = %+v, %v", block, err)
		}
		leaves, err := s.LeafHashes(ctx, 4)
		if diff := cmp.Diff(c.block.LeafHashes, leaves); err != nil || diff != "" {
			t.Errorf("LeafHashes: %v, diff %s", err, diff)
		}
		compareState(t, s, c.state)
	})
}

// compareState checks that every table says what the ledger says.
func compareState(t *testing.T, s *Store, state *ledger.State) {
	t.Helper()
	ctx := context.Background()
	for i := range state.Participants() {
		want := &state.Participants()[i]
		got, err := s.Participant(ctx, want.BIC)
		if err != nil || got.Name != want.Name || got.Country != string(want.Country[:]) || got.TransferFee != want.TransferFee ||
			got.Frozen != want.Frozen || got.RequireAuthorization != want.RequireAuthorization ||
			got.LongestQuote != want.LongestQuote || got.LongestHold != want.LongestHold || got.HoldShare != want.HoldShare || !cmp.Equal(got.Keys, want.Keys) {
			t.Errorf("participant %s = %+v, %v", want.BIC, got, err)
		}
	}
	for i := range state.Positions() {
		want := &state.Positions()[i]
		holder, asset := state.Participants()[want.Holder].BIC, state.AssetName(want.Asset)
		got, err := s.Line(ctx, holder, asset)
		got.Height = 0
		if diff := cmp.Diff(Line{
			Pos: ledger.PosID(i), Holder: holder, Asset: asset, Own: want.Own, Balance: want.Balance, Limit: want.Limit, HeldOut: want.HeldOut, HeldIn: want.HeldIn, QualityIn: want.QualityIn,
			QualityOut: want.QualityOut, Ripple: want.Ripple, Frozen: want.Frozen, Authorized: want.Authorized,
		}, got); err != nil || diff != "" {
			t.Errorf("line %s of %s: %v, diff %s", asset, holder, err, diff)
		}
	}
	for i := range state.PurseTable() {
		want := &state.PurseTable()[i]
		caps, err := s.Caps(ctx, state.Participants()[want.Participant].BIC)
		found := false
		for _, c := range caps {
			found = found || c.Currency == want.Currency && c.Net == want.Net && c.Cap == want.Cap
		}
		if err != nil || !found {
			t.Errorf("purse %d is %+v, found %+v, %v", i, want, caps, err)
		}
	}
	standing := 0
	for i := range state.Offers() {
		want := &state.Offers()[i]
		if !want.Live {
			continue
		}
		standing++
		got, err := s.Offer(ctx, state.Participants()[want.Maker].BIC, want.ID)
		if err != nil || got.Remaining != want.Remaining || got.Held != want.Held || got.Price != want.Price || got.Status != "open" || got.Crossed != want.Crossed || got.Seq != want.Seq {
			t.Errorf("offer %x = %+v, %v, want %+v", want.ID, got, err, want)
		}
	}
	if open, err := s.Offers(ctx, OfferFilter{OpenOnly: true}, 0, 1000); err != nil || len(open) != standing {
		t.Errorf("%d offers are open, %v, want %d", len(open), err, standing)
	}
}

func TestProjectIsInOrderAndOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		if _, _, ok, err := s.Projected(ctx); ok || err != nil {
			t.Fatalf("an empty database is at a height, %v", err)
		}
		c, genesis := newChain(t, "order")
		first := c.next(order{do: []ledger.Instruction{admit(chase, "Chase")}})
		second := c.next()
		if err := s.Project(ctx, first); !errors.Is(err, ErrGap) {
			t.Fatalf("block 1 before the genesis: %v, want ErrGap", err)
		}
		projectAll(t, s, genesis, genesis, first, first, genesis)
		if err := s.Project(ctx, c.next()); !errors.Is(err, ErrGap) {
			t.Errorf("block 3 after 1: %v, want ErrGap", err)
		}
		other, otherGenesis := newChain(t, "another")
		otherFirst := other.next()
		for _, p := range []*Projection{otherGenesis, otherFirst, other.next()} {
			if err := s.Project(ctx, p); !errors.Is(err, ErrForked) {
				t.Errorf("block %d of another chain: %v, want ErrForked", p.Height(), err)
			}
		}
		if height, _, _, err := s.Projected(ctx); height != 1 || err != nil {
			t.Errorf("at height %d, %v after refusals, want 1", height, err)
		}
		projectAll(t, s, second)
		if blocks, err := s.Blocks(ctx, 0, 2); err != nil || len(blocks) != 2 || blocks[0].Height != 2 || blocks[1].Height != 1 {
			t.Errorf("Blocks = %+v, %v", blocks, err)
		}
	})
}

// Several projectors may share a database: each block is written once.
func TestProjectorsSideBySide(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		c, genesis := newChain(t, "side")
		blocks := []*Projection{genesis}
		for range 20 {
			blocks = append(blocks, c.next())
		}
		const projectors = 4
		done := make(chan error, projectors)
		for range projectors {
			go func() {
				for _, p := range blocks {
					if err := s.Project(context.Background(), p); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range projectors {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if height, hash, _, err := s.Projected(context.Background()); err != nil || height != 20 || hash != c.state.LastHeader() {
			t.Errorf("at height %d, %v", height, err)
		}
	})
}

func TestRefusalsDecideOnlyWhatIsUndecided(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "refusals")
		pay := order{by: bbva, key: "k", do: []ledger.Instruction{payUSD(2, kbc, 100)}}
		reused := order{by: bbva, do: []ledger.Instruction{payUSD(2, kbc, 999)}}
		forged := order{by: bbva, signer: "mallory", do: []ledger.Instruction{payUSD(2, kbc, 7), payUSD(9, kbc, 7)}}
		unborn := order{by: chase, do: []ledger.Instruction{payUSD(4, ledger.MustBIC("NOBODY22"), 7)}}
		// The same id twice in one block, then again later, whole and reused and forged.
		projectAll(t, s, c.next(forged, pay, reused, unborn), c.next(pay, reused, forged))
		got, err := s.Payment(ctx, bbva, idOf(2))
		if err != nil || got.Status != StatusSettled || got.Amount != 100 || got.Height != 4 || got.Index != 2 {
			t.Errorf("payment = %+v, %v", got, err)
		}
		if _, err := s.Payment(ctx, bbva, idOf(9)); !errors.Is(err, ErrNotFound) {
			t.Errorf("a forged payment left a row: %v", err)
		}
		if got, err := s.Payment(ctx, chase, idOf(4)); err != nil || got.Code != "unknown_receiver" || got.ISOReason != "RC04" {
			t.Errorf("payment to nobody = %+v, %v", got, err)
		}
		events, err := s.Events(ctx, bbva, "", 10)
		if err != nil || len(events) != 2 { // payment 1 received, payment 2 sent
			t.Errorf("%d events, %v, want 2", len(events), err)
		}
		// Two senders may use one id; each sees its own, the receiver a settled one.
		projectAll(t, s, c.next(order{by: chase, do: []ledger.Instruction{payUSD(2, kbc, 55)}}))
		for viewer, amount := range map[ledger.BIC]int64{bbva: 100, chase: 55, kbc: 100} {
			if got, err := s.Payment(ctx, viewer, idOf(2)); err != nil && amount != 0 || got.Amount != amount {
				t.Errorf("%s sees %d, %v, want %d", viewer, got.Amount, err, amount)
			}
		}
	})
}

// A gateway's payment whose signing key was revoked meanwhile is refused, though nothing proves who
// sent it: the commitment does.
func TestStrayRefusalDecidesTheGatewaysPayment(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "stray")
		pay := payUSD(5, kbc, 10)
		pay.Commitment = ledger.Hash{1}
		begin(t, s, &Begin{Request: Request{Participant: bbva, Key: "k", Lease: 10}, Payments: []Payment{received(bbva, pay)}}, BegunNew)
		guess := *pay
		guess.Commitment = ledger.Hash{2}
		projectAll(t, s, c.next(order{by: bbva, signer: "old", do: []ledger.Instruction{&guess}}))
		if got, err := s.Payment(ctx, bbva, pay.ID); err != nil || got.Status != StatusReceived {
			t.Errorf("a guess decided the payment: %+v, %v", got, err)
		}
		projectAll(t, s, c.next(order{by: bbva, signer: "old", do: []ledger.Instruction{pay}}))
		if got, err := s.Payment(ctx, bbva, pay.ID); err != nil || got.Status != StatusRejected || got.Code != "unknown_signing_key" || got.Height != 5 {
			t.Errorf("payment = %+v, %v", got, err)
		}
		if got, err := s.Events(ctx, bbva, "evt_4_0_0", 10); err != nil || len(got) != 1 || got[0].Type != PaymentRejected || got[0].ID != "evt_5_0_0" {
			t.Errorf("events = %+v, %v", got, err)
		}
	})
}

func TestOffersAndBook(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "offers")
		offer := func(n int, give, want ledger.AssetName, amount, price, per int64) *ledger.PlaceOffer {
			return &ledger.PlaceOffer{ID: idOf(n), Give: give, Want: want, Amount: amount, Price: money.Ratio{N: price, D: per}}
		}
		fund := order{by: chase, do: []ledger.Instruction{payUSD(2, dealer, 50_000)}}
		projectAll(t, s, c.next(fund),
			c.next(order{by: dealer, do: []ledger.Instruction{
				offer(11, usdAtChase, eurAtChase, 10_000, 10, 11), offer(12, usdAtChase, eurAtChase, 10_000, 9, 10),
				offer(13, usdAtChase, eurAtChase, 10_000, 10, 11), offer(14, usdAtChase, eurAtChase, 5_000, 91, 100),
			}}),
			c.next(order{by: dealer, do: []ledger.Instruction{&ledger.CancelOffer{ID: idOf(13)}}}))
		book, err := s.Book(ctx, usd, eur, 10)
		var ids []ledger.ID
		for _, o := range book {
			ids = append(ids, o.ID)
		}
		if want := []ledger.ID{idOf(12), idOf(11), idOf(14)}; err != nil || !cmp.Equal(ids, want) {
			t.Errorf("book %x, %v, want %x", ids, err, want)
		}
		gone, err := s.Offer(ctx, dealer, idOf(13))
		if err != nil || gone.Status != "cancelled" || gone.Amount != 10_000 || gone.Height != 6 {
			t.Errorf("cancelled offer = %+v, %v", gone, err)
		}
		page, err := s.Offers(ctx, OfferFilter{Maker: dealer, Give: usd}, book[0].Seq, 2)
		if err != nil || len(page) != 2 || page[0].ID != idOf(13) || page[1].ID != idOf(14) {
			t.Errorf("page = %+v, %v", page, err)
		}
		// Chase issues EUR to the dealer for its USD: the payment hits the best offer first.
		pay := payUSD(20, bbva, 12_000)
		pay.Send, pay.Bound = ledger.AssetName{Currency: eur}, 20_000
		projectAll(t, s, c.next(order{by: chase, do: []ledger.Instruction{pay}}))
		if got, err := s.Payment(ctx, chase, pay.ID); err != nil || got.Status != StatusSettled || got.Source == 0 {
			t.Errorf("payment = %+v, %v", got, err)
		}
		if got, err := s.Offer(ctx, dealer, idOf(12)); err != nil || got.Status != "filled" || got.Remaining != 0 {
			t.Errorf("filled offer = %+v, %v", got, err)
		}
		compareState(t, s, c.state)
	})
}

func TestPriceKeySortsAsPricesDo(t *testing.T) {
	const big = 1<<60 - 1
	ascending := []money.Ratio{{N: 1, D: big}, {N: 1, D: big - 1}, {N: 1, D: 3}, {N: big - 2, D: big - 1}, {N: big - 1, D: big}, {N: 1, D: 1}, {N: big, D: 2}, {N: big, D: 1}}
	for i := 1; i < len(ascending); i++ {
		if bytes.Compare(priceKey(ascending[i-1]), priceKey(ascending[i])) >= 0 {
			t.Errorf("%v does not sort before %v", ascending[i-1], ascending[i])
		}
	}
}

// The ledger lets a name be any UTF-8; a block with an odd one must not stop the projection.
func TestNamesThatADatabaseRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		c, genesis := newChain(t, "names")
		odd := admit(chase, "Cha\x00se")
		odd.LEI = strings.Repeat("\xff", 20)
		projectAll(t, s, genesis, c.next(order{do: []ledger.Instruction{odd}}))
		if p, err := s.Participant(context.Background(), chase); err != nil && !errors.Is(err, ErrNotFound) || err == nil && p.Name != "Cha\uFFFDse" {
			t.Errorf("participant = %+v, %v", p, err)
		}
	})
}
