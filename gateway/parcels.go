package gateway

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"
)

// A gateway serves the participants whose encryption key its store has. Parcels for others go over the bus to
// whichever gateway serves them, and are acknowledged once they are on its disk. Whoever answers is not
// believed: the key it names must be vouched for by a key that the ledger accepts for the participant.

const (
	maxParcel = 64 << 10
	// askTimeout bounds a question to other gateways: nobody answers for a participant that none serves.
	askTimeout = 2 * time.Second
	// parcelsAtOnce is how many questions of other gateways are looked at at once.
	parcelsAtOnce = 16
)

func encryptionKeyUse(public [32]byte) string { return fmt.Sprintf("encryption-key:%x", public) }

// parcelsFor seals the details of a draft's payments to their receivers.
func (g *Gateway) parcelsFor(ctx context.Context, d *draft) ([]sqlstore.Parcel, error) {
	if len(d.details) == 0 {
		return nil, nil
	}
	type reach struct {
		key   [32]byte
		local bool
	}
	reached := make(map[ledger.BIC]reach)
	byID := make(map[ledger.ID]*sqlstore.Payment, len(d.payments))
	for i := range d.payments {
		byID[d.payments[i].ID] = &d.payments[i]
	}
	var out []sqlstore.Parcel
	for i := range d.details {
		at := &d.details[i]
		p := byID[at.Payment]
		if p.To == p.From {
			continue // who sent it has it
		}
		to, known := reached[p.To]
		if !known {
			var err error
			if to.key, to.local, err = g.receiverKey(ctx, p.To); err != nil {
				return nil, err
			}
			reached[p.To] = to
		}
		parcel, err := newParcel(g.cfg.Network, p, to.key, at.Salt, at.Text)
		if err != nil {
			return nil, fmt.Errorf("seal details for %s: %w", p.To, err)
		}
		parcel.Delivered = to.local
		out = append(out, parcel)
	}
	return out, nil
}

// receiverKey returns the key that details for a participant are sealed to, and whether this gateway's store is
// where it looks for them.
func (g *Gateway) receiverKey(ctx context.Context, bic ledger.BIC) (key [32]byte, local bool, err error) {
	k, err := g.servedKey(ctx, bic)
	if err == nil {
		return k.Public, true, nil
	}
	if !errors.Is(err, sqlstore.ErrNotFound) {
		return key, false, err
	}
	unreached := &problem{
		code: openapi.ErrorCodeUnavailable, retry: 1,
		detail: "no gateway takes confidential details for " + bic.String() + " now; nothing was ordered",
	}
	if g.cfg.Bus == nil {
		return key, false, unreached
	}
	p, err := g.cfg.Store.Participant(ctx, bic)
	if errors.Is(err, sqlstore.ErrNotFound) { // a submission may name whom the ledger does not know
		return key, false, refuse(openapi.ErrorCodeUnknownReceiver, bic.String()+" is not admitted to the network")
	}
	if err != nil {
		return key, false, err
	}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	text, err := g.cfg.Bus.Request(asking, settlement.SubjectEncryptionKey, bic[:])
	if err == nil {
		var told sqlstore.EncryptionKey
		if err = json.Unmarshal(text, &told); err == nil && !vouched(g.cfg.Network, &p, &told) {
			err = errors.New("a key that no signing key of the participant vouches for")
		}
		key = told.Public
	}
	if err != nil {
		g.cfg.Log.Warn("ask for an encryption key", "participant", bic.String(), "error", err)
		return key, false, unreached
	}
	return key, false, nil
}

// servedKey returns the newest encryption key of a participant that is served here and vouched for. For one that
// the gateway signs for and that has none it makes one. ErrNotFound for who is served elsewhere.
func (g *Gateway) servedKey(ctx context.Context, bic ledger.BIC) (sqlstore.EncryptionKey, error) {
	p, err := g.cfg.Store.Participant(ctx, bic)
	if err != nil {
		return sqlstore.EncryptionKey{}, err
	}
	all, err := g.cfg.Store.EncryptionKeys(ctx, bic)
	if err != nil {
		return sqlstore.EncryptionKey{}, err
	}
	for i := range all {
		if vouched(g.cfg.Network, &p, &all[i]) {
			return all[i], nil
		}
		if len(all[i].Sealed) > 0 { // that it opens vouches for it: nobody but the gateways can have written it
			if _, err := g.secrets.opened(all[i].Sealed, encryptionKeyUse(all[i].Public)); err == nil {
				return all[i], nil
			}
		}
		g.cfg.Log.Warn("an encryption key is not used: no signing key vouches for it", "participant", bic.String())
	}
	signing, err := g.keptKeys(ctx, bic)
	if err == nil && len(signing) == 0 {
		err = sqlstore.ErrNotFound
	}
	if err != nil {
		return sqlstore.EncryptionKey{}, err
	}
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return sqlstore.EncryptionKey{}, fmt.Errorf("make an encryption key: %w", err)
	}
	k := sqlstore.EncryptionKey{Public: [32]byte(private.PublicKey().Bytes()), Participant: bic, Created: g.now()}
	k.Sealed = g.secrets.sealed(private.Bytes(), encryptionKeyUse(k.Public))
	if err := g.vouch(ctx, &k); err != nil {
		return k, err
	}
	return k, g.cfg.Store.PutEncryptionKey(ctx, k)
}

// vouch signs an encryption key with the signing key that the gateway keeps for its participant.
func (g *Gateway) vouch(ctx context.Context, k *sqlstore.EncryptionKey) error {
	signing, err := g.signingKey(ctx, k.Participant)
	if err != nil {
		return err
	}
	k.Signer = [32]byte(signing.Public().(ed25519.PublicKey))
	k.Proof = ed25519.Sign(signing, EncryptionKeyProof(g.cfg.Network, k.Participant, k.Public))
	return nil
}

// deliver hands over those parcels of payments that their receivers' gateways are not known to have. When it
// returns without error all of them are on disk for their receivers, and the payments may be ordered.
func (g *Gateway) deliver(ctx context.Context, sender ledger.BIC, payments []ledger.ID) error {
	if g.cfg.Bus == nil {
		return nil // then every parcel is for this store
	}
	left, err := g.cfg.Store.Undelivered(ctx, sender, payments)
	if err != nil {
		return err
	}
	for i := range left {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		answer, err := g.cfg.Bus.Request(asking, settlement.SubjectParcel, encodeParcel(&left[i]))
		cancel()
		if err == nil && string(answer) != parcelKept {
			err = errors.New(string(answer))
		}
		if err != nil {
			g.cfg.Log.Warn("hand over confidential details", "to", left[i].To.String(), "error", err)
			return &problem{
				code: openapi.ErrorCodeUnavailable, retry: 1,
				detail: "the gateway of " + left[i].To.String() + " did not take the confidential details; repeat the request with the same key",
			}
		}
		if err := g.cfg.Store.MarkDelivered(ctx, sender, left[i].Payment); err != nil {
			return err
		}
	}
	return nil
}

// What is answered to a parcel.
const (
	parcelKept    = "kept"
	parcelRefused = "refused"
)

// ServeParcels answers other gateways, for the participants that this one serves, until stop is called.
func (g *Gateway) ServeParcels(ctx context.Context) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	room := make(chan struct{}, parcelsAtOnce)
	var cancels []func() error
	stop = func() error {
		cancel()
		var errs []error
		for _, c := range cancels {
			errs = append(errs, c())
		}
		for range parcelsAtOnce { // once it has all the room, nobody is at work
			room <- struct{}{}
		}
		return errors.Join(errs...)
	}
	for subject, f := range map[string]func(context.Context, []byte) []byte{
		settlement.SubjectEncryptionKey: g.tellKey, settlement.SubjectParcel: g.keepParcel,
	} {
		c, err := g.cfg.Bus.Subscribe(subject, func(data []byte, reply func([]byte)) {
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return
			}
			go func() {
				defer func() { <-room }()
				if answer := f(ctx, data); answer != nil {
					reply(answer)
				}
			}()
		})
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		cancels = append(cancels, c)
	}
	return stop, nil
}

// tellKey answers with the encryption key of a participant that is served here; nil for others.
func (g *Gateway) tellKey(ctx context.Context, data []byte) []byte {
	if len(data) != len(ledger.BIC{}) {
		return nil
	}
	k, err := g.servedKey(ctx, ledger.BIC(data))
	if err == nil {
		k.Sealed = nil
		var text []byte
		if text, err = json.Marshal(k); err == nil {
			return text
		}
	}
	if !errors.Is(err, sqlstore.ErrNotFound) {
		g.cfg.Log.Warn("tell an encryption key", "error", err)
	}
	return nil
}

// keepParcel keeps a parcel for a participant that is served here, and says so; nil for others'.
func (g *Gateway) keepParcel(ctx context.Context, data []byte) []byte {
	p, ok := decodeParcel(data)
	if !ok {
		return nil
	}
	all, err := g.cfg.Store.EncryptionKeys(ctx, p.To)
	if err != nil || len(all) == 0 {
		return nil
	}
	for i := range all {
		if all[i].Public != p.Key {
			continue
		}
		if err := g.cfg.Store.PutParcel(ctx, p); err != nil {
			g.cfg.Log.Error("keep confidential details", "to", p.To.String(), "payment", idText(p.Payment), "error", err)
			return []byte(parcelRefused)
		}
		return []byte(parcelKept)
	}
	return []byte(parcelRefused)
}

// received adds to a payment's view what its receiver got: opened with the key that the gateway keeps, or as it
// is sealed where the receiver has the key alone. What is not what the sender committed to is never shown.
func (g *Gateway) received(ctx context.Context, v *openapi.Payment, p *sqlstore.Payment) error {
	parcel, err := g.cfg.Store.Parcel(ctx, p.To, p)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := g.cfg.Store.EncryptionKeys(ctx, p.To)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Public != parcel.Key || len(all[i].Sealed) == 0 {
			continue
		}
		private, err := g.secrets.opened(all[i].Sealed, encryptionKeyUse(parcel.Key))
		if err != nil {
			return fmt.Errorf("encryption key of %s: %w", p.To, err)
		}
		reference, text, err := OpenParcel(g.cfg.Network, p.ID, p.From, p.To, p.Commitment, private, parcel.Sealed)
		if err == nil {
			v.Details = new(openapi.Details)
			err = json.Unmarshal(text, v.Details)
		}
		if err != nil {
			v.Details, v.DetailsMismatch = nil, true
			g.cfg.Log.Error("a payment's details are not what its sender committed to", "payment", idText(p.ID), "from", p.From.String(), "to", p.To.String(), "error", err)
			return nil
		}
		if v.EndToEndId == "" {
			v.EndToEndId = reference
		}
		return nil
	}
	v.SealedDetails = &openapi.SealedDetails{PublicKey: base64Text(parcel.Key[:]), Data: base64Text(parcel.Sealed), Commitment: fmt.Sprintf("%x", p.Commitment)}
	return nil
}
