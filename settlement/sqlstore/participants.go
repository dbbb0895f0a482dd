package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Participant is an admitted institution and its terms as issuer.
type Participant struct {
	BIC                  ledger.BIC
	Name, LEI, Country   string
	TransferFee          int64 // parts per billion
	RequireAuthorization bool
	Frozen               bool
	RippleDefault        bool
	LongestQuote         int64 // milliseconds that its firm quotes may stand
	LongestHold          int64 // milliseconds that its offers and lines may be held
	HoldShare            int64 // of one of its offers one participant may hold; parts per billion
	Keys                 [][32]byte
	Admitted             int64
	Height               uint64 // of the last change
}

const participantColumns = "bic, name, lei, country, transfer_fee, require_authorization, frozen, ripple_default, longest_quote, longest_hold, hold_share, keys, admitted, height"

func scanParticipant(r *sql.Rows, p *Participant) error {
	return r.Scan(toBIC(&p.BIC), &p.Name, &p.LEI, &p.Country, &p.TransferFee, &p.RequireAuthorization, &p.Frozen, &p.RippleDefault,
		&p.LongestQuote, &p.LongestHold, &p.HoldShare,
		toKeys(&p.Keys), &p.Admitted, &p.Height)
}

// Participant returns an admitted institution.
func (s *Store) Participant(ctx context.Context, bic ledger.BIC) (Participant, error) {
	return one(ctx, s.read, "participant", scanParticipant,
		`SELECT `+participantColumns+` FROM participants WHERE bic = $1`, bic.String())
}

// Participants returns a page of the institutions behind a BIC, in the order of their BICs.
func (s *Store) Participants(ctx context.Context, after ledger.BIC, limit int) ([]Participant, error) {
	return list(ctx, s.read, "participants", scanParticipant,
		`SELECT `+participantColumns+` FROM participants WHERE bic > $1 ORDER BY bic LIMIT $2`, after.String(), limit)
}

// Cap is a participant's positions in one currency taken together, and the operator's ceiling on them.
type Cap struct {
	Participant ledger.BIC
	Currency    money.Currency
	Net         int64 // claims held minus obligations issued
	Cap         int64 // ledger.NoCap for none
	Height      uint64
}

// Caps returns a participant's net positions, in the order of the currencies.
func (s *Store) Caps(ctx context.Context, participant ledger.BIC) ([]Cap, error) {
	return list(ctx, s.read, "net debit caps", func(r *sql.Rows, c *Cap) error {
		return r.Scan(toBIC(&c.Participant), toCurrency(&c.Currency), &c.Net, &c.Cap, &c.Height)
	}, `SELECT participant, currency, net, cap, height FROM purses WHERE participant = $1 ORDER BY currency`, participant.String())
}

// Settings are what a participant asks of the gateway.
type Settings struct {
	Participant ledger.BIC
	// Funding names what pays for an order that doesn't say, best first: "EUR", or "EUR@DEUTDEFF".
	Funding       []string
	MaxOverMidBps int64
	// RequireSignature asks for a message signature on all that changes something.
	RequireSignature bool
	ISOProfile       string // the rules its ISO 20022 messages are read by; empty for the default
	Updated          int64
}

// Settings returns a participant's settings; they are zero until it sets them.
func (s *Store) Settings(ctx context.Context, participant ledger.BIC) (Settings, error) {
	v, err := one(ctx, s.read, "settings", func(r *sql.Rows, v *Settings) error {
		return r.Scan(toBIC(&v.Participant), toWords(&v.Funding), &v.MaxOverMidBps, &v.ISOProfile, &v.RequireSignature, &v.Updated)
	}, `SELECT participant, funding, max_over_mid_bps, iso_profile, require_signature, updated FROM settings WHERE participant = $1`, participant.String())
	if errors.Is(err, ErrNotFound) {
		return Settings{Participant: participant}, nil
	}
	return v, err
}

// PutSettings replaces a participant's settings.
func (s *Store) PutSettings(ctx context.Context, v Settings) error {
	err := s.change(ctx, `INSERT INTO settings (participant, funding, max_over_mid_bps, iso_profile, updated, require_signature) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (participant) DO UPDATE SET funding = excluded.funding, max_over_mid_bps = excluded.max_over_mid_bps,
			iso_profile = excluded.iso_profile, updated = excluded.updated, require_signature = excluded.require_signature`,
		v.Participant.String(), strings.Join(v.Funding, ","), v.MaxOverMidBps, v.ISOProfile, v.Updated, v.RequireSignature)
	if err != nil {
		return fmt.Errorf("put settings: %w", err)
	}
	return nil
}
