package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"viaduct/ledger"
)

// Project writes a block in one transaction. The first block of a database is the genesis; each one
// after it follows the one before. A block that is there already is left alone, so a projector may
// repeat what it can't be sure of, and several may share a database.
func (s *Store) Project(ctx context.Context, p *Projection) error {
	err := s.writer.derive(ctx, func(ctx context.Context, t tx) error {
		fresh, err := advance(ctx, t, p)
		if err != nil || !fresh {
			return err
		}
		for _, write := range []func(context.Context, tx, *Projection) error{
			writeBlock, writeParticipants, writeLines, writeOffers, writeHolds, writeFills, writePostings, writeNets, writePayments,
		} {
			if err := write(ctx, t, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("project block %d: %w", p.block.Height, err)
	}
	return nil
}

// advance moves the projection's row on to the block, which also keeps other projectors out until
// this transaction ends; false when the block is there already.
func advance(ctx context.Context, t tx, p *Projection) (fresh bool, err error) {
	b := &p.block
	n, err := t.exec(ctx, `UPDATE projection SET height = $1, hash = $2, network = $3 WHERE id = 1 AND height = $4`,
		int64(b.Height), b.Hash[:], p.network[:], int64(b.Height)-1)
	if err != nil {
		return false, err
	}
	before := `SELECT hash FROM blocks WHERE height = $1`
	if n == 1 {
		if b.Height == 0 {
			return true, nil
		}
		hash, err := one(ctx, t.query, "previous block", scanHash, before, int64(b.Height)-1)
		if err != nil {
			return false, err
		}
		if hash != p.prev {
			return false, fmt.Errorf("%w: block %d here has hash %x, not %x", ErrForked, b.Height-1, hash[:8], p.prev[:8])
		}
		return true, nil
	}
	at, err := one(ctx, t.query, "projection", scanValue[int64],
		`SELECT height FROM projection WHERE id = 1`)
	if err != nil {
		return false, err
	}
	if int64(b.Height) > at {
		return false, fmt.Errorf("%w: the last one here is %d", ErrGap, at)
	}
	hash, err := one(ctx, t.query, "block", scanHash, before, int64(b.Height))
	if err != nil {
		return false, err
	}
	if hash != b.Hash {
		return false, fmt.Errorf("%w: it has hash %x, not %x", ErrForked, hash[:8], b.Hash[:8])
	}
	return false, nil
}

func scanHash(r *sql.Rows, h *ledger.Hash) error { return r.Scan(toHash(h)) }

// Projected returns the height and hash of the last block projected; ok is false when there is none.
func (s *Store) Projected(ctx context.Context) (height uint64, hash ledger.Hash, ok bool, err error) {
	type row struct {
		height int64
		hash   ledger.Hash
	}
	at, err := one(ctx, s.read, "projection", func(r *sql.Rows, v *row) error { return r.Scan(&v.height, toHash(&v.hash)) },
		`SELECT height, hash FROM projection WHERE id = 1`)
	if err != nil || at.height < 0 {
		return 0, ledger.Hash{}, false, err
	}
	return uint64(at.height), at.hash, true, nil
}

func writeBlock(ctx context.Context, t tx, p *Projection) error {
	b := &p.block
	block := insertion{into: "blocks (height, epoch, time, header, hash, message, state, first_leaf, leaves, checkpoint)"}
	block.row(int64(b.Height), int64(b.Epoch), b.Time, b.Header, b.Hash[:], b.Message[:], b.State[:], int64(b.FirstLeaf), b.Leaves, blob(p.Checkpoint))
	if err := block.run(ctx, t); err != nil {
		return err
	}
	leaves := insertion{into: "leaves (height, idx, hash, leaf)"}
	for i := range p.leafHashes {
		leaves.row(int64(b.Height), i, p.leafHashes[i][:], blob(p.leaves[i]))
	}
	return leaves.run(ctx, t)
}

func writeParticipants(ctx context.Context, t tx, p *Projection) error {
	n := insertion{
		into: "participants (bic, name, lei, country, transfer_fee, require_authorization, frozen, ripple_default, longest_quote, longest_hold, hold_share, keys, admitted, height)",
		tail: `ON CONFLICT (bic) DO UPDATE SET transfer_fee = excluded.transfer_fee,
			require_authorization = excluded.require_authorization, frozen = excluded.frozen,
			ripple_default = excluded.ripple_default, longest_quote = excluded.longest_quote,
			longest_hold = excluded.longest_hold, hold_share = excluded.hold_share, keys = excluded.keys, height = excluded.height`,
	}
	for i := range p.participants {
		v := &p.participants[i]
		keys := make([]byte, 0, 32*len(v.Keys))
		for k := range v.Keys {
			keys = append(keys, v.Keys[k][:]...)
		}
		n.row(v.BIC.String(), text(v.Name), text(v.LEI), text(v.Country), v.TransferFee, v.RequireAuthorization, v.Frozen,
			v.RippleDefault, v.LongestQuote, v.LongestHold, v.HoldShare, keys, v.Admitted, int64(v.Height))
	}
	return n.run(ctx, t)
}

func writeLines(ctx context.Context, t tx, p *Projection) error {
	lines := insertion{
		into: `positions (pos, holder, currency, issuer, own, balance, "limit", held_out, held_in, quality_in, quality_out, ripple, frozen, authorized, height)`,
		tail: `ON CONFLICT (pos) DO UPDATE SET balance = excluded.balance, "limit" = excluded."limit",
			held_out = excluded.held_out, held_in = excluded.held_in,
			quality_in = excluded.quality_in, quality_out = excluded.quality_out, ripple = excluded.ripple,
			frozen = excluded.frozen, authorized = excluded.authorized, height = excluded.height`,
	}
	for i := range p.lines {
		v := &p.lines[i]
		lines.row(int64(v.Pos), v.Holder.String(), v.Asset.Currency.String(), v.Asset.Issuer.String(), v.Own, v.Balance, v.Limit, v.HeldOut, v.HeldIn,
			v.QualityIn, v.QualityOut, v.Ripple, v.Frozen, v.Authorized, int64(v.Height))
	}
	if err := lines.run(ctx, t); err != nil {
		return err
	}
	purses := insertion{
		into: "purses (participant, currency, net, cap, height)",
		tail: "ON CONFLICT (participant, currency) DO UPDATE SET net = excluded.net, cap = excluded.cap, height = excluded.height",
	}
	for i := range p.caps {
		v := &p.caps[i]
		purses.row(v.Participant.String(), v.Currency.String(), v.Net, v.Cap, int64(v.Height))
	}
	return purses.run(ctx, t)
}

func writeOffers(ctx context.Context, t tx, p *Projection) error {
	n := insertion{into: `offers (seq, id, maker, give_currency, give_issuer, want_currency, want_issuer, amount, remaining, held, price_n,
		price_d, price_key, expires, crossed, status, placed, height)`}
	for i := range p.offers {
		v := &p.offers[i]
		if v.placed {
			n.row(int64(v.Seq), v.ID[:], v.Maker.String(), v.Give.Currency.String(), v.Give.Issuer.String(), v.Want.Currency.String(),
				v.Want.Issuer.String(), v.Amount, v.Remaining, v.Held, v.Price.N, v.Price.D, priceKey(v.Price), v.Expires, v.Crossed, v.Status, v.Placed, int64(v.Height))
			continue
		}
		if _, err := t.exec(ctx, `UPDATE offers SET remaining = $1, crossed = $2, status = $3, height = $4, expires = $5, held = $6 WHERE seq = $7`,
			v.Remaining, v.Crossed, v.Status, int64(v.Height), v.Expires, v.Held, int64(v.Seq)); err != nil {
			return fmt.Errorf("update offer: %w", err)
		}
	}
	return n.run(ctx, t)
}

// writePayments decides payments and tells of it. What a settlement says always wins; a refusal only
// decides what is undecided, since one id may be tried twice and settle once.
func writePayments(ctx context.Context, t tx, p *Projection) error {
	n := insertion{
		into: "payments (" + paymentColumns + ")",
		tail: `ON CONFLICT (id, sender) DO UPDATE SET receiver = excluded.receiver, status = excluded.status,
			code = excluded.code, iso_reason = excluded.iso_reason, mode = excluded.mode, partial = excluded.partial,
			send_currency = excluded.send_currency, send_issuer = excluded.send_issuer,
			deliver_currency = excluded.deliver_currency, deliver_issuer = excluded.deliver_issuer,
			amount = excluded.amount, bound = excluded.bound, least = excluded.least, source = excluded.source,
			delivered = excluded.delivered, not_after = excluded.not_after, uetr = excluded.uetr,
			uetr_kind = excluded.uetr_kind, commitment = excluded.commitment,
			accepted = excluded.accepted, -- the ledger's time: the gateway's clock ran on while it waited for the ack
			settled = excluded.settled, height = excluded.height, idx = excluded.idx, delivered_issuer = excluded.delivered_issuer
			WHERE payments.status IN ('received', 'accepted') OR payments.status = 'rejected' AND excluded.status IN ('settled', 'queued')`,
	}
	for i := range p.payments {
		p.payments[i].appendTo(&n)
	}
	if err := n.run(ctx, t); err != nil {
		return err
	}
	// What waited has its row. It may have come to wait in this same block.
	ended := insertion{
		into: "payments (" + paymentColumns + ")",
		tail: `ON CONFLICT (id, sender) DO UPDATE SET status = excluded.status, code = excluded.code, iso_reason = excluded.iso_reason,
			source = excluded.source, delivered = excluded.delivered, settled = excluded.settled, height = excluded.height,
			idx = excluded.idx, delivered_issuer = excluded.delivered_issuer WHERE payments.status = 'queued'`,
	}
	for i := range p.ended {
		p.ended[i].appendTo(&ended)
	}
	if err := ended.run(ctx, t); err != nil {
		return err
	}
	events := slices.Clip(p.events)
	for i := range p.strays {
		v := &p.strays[i]
		n, err := t.exec(ctx, `UPDATE payments SET status = $1, code = $2, iso_reason = $3, settled = $4, height = $5, idx = $6
			WHERE id = $7 AND sender = $8 AND status IN ('received', 'accepted') AND commitment = $9`, string(v.Status), v.Code, v.ISOReason, v.Settled,
			int64(v.Height), v.Index, v.ID[:], v.From.String(), v.Commitment[:])
		if err != nil {
			return fmt.Errorf("update payment: %w", err)
		}
		if n == 1 {
			events = append(events, paymentEvents(v)...)
		}
	}
	told, err := settleCovered(ctx, t, p)
	if err != nil {
		return err
	}
	events = append(events, told...)
	return writeEvents(ctx, t, p.block.Height, events)
}

func writePostings(ctx context.Context, t tx, p *Projection) error {
	n := insertion{into: "postings (height, idx, seq, pos, reason, delta, balance)"}
	for i := range p.postings {
		v := &p.postings[i]
		n.row(int64(p.block.Height), v.index, v.seq, int64(v.Pos), int64(v.Reason), v.Delta, v.Balance)
	}
	return n.run(ctx, t)
}
