package gateway

import (
	"context"

	"viaduct/fx/rates"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"
)

// Engine orders submissions and answers questions about the ledger; *settlement.Client serves it.
type Engine interface {
	Submit(ctx context.Context, submission []byte) (settlement.Accepted, error)
	WaitFinal(ctx context.Context, height uint64) error
	Receipt(ctx context.Context, height uint64, index int) ([]byte, error)
	ChangeReceipt(ctx context.Context, height uint64) ([]byte, error)
	Status(ctx context.Context) (settlement.Status, error)
	Checkpoint(ctx context.Context, since uint64) (settlement.Checkpoint, error)
	Quote(ctx context.Context, q settlement.QuoteRequest) (settlement.QuoteAnswer, error)
	Fillable(ctx context.Context, offers []ledger.ID) (settlement.Fillable, error)
	Watch(ctx context.Context) (*settlement.Watch, error)
}

// Bus carries what the gateways of a network tell each other; settlement.Bus serves it.
type Bus interface {
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	Subscribe(subject string, f func(data []byte, reply func([]byte))) (cancel func() error, err error)
}

// Store keeps what the gateway knows: requests, projected results, keys, details; *sqlstore.Store
// serves it.
type Store interface {
	Ping(ctx context.Context) error

	Request(ctx context.Context, participant ledger.BIC, key string) (sqlstore.Request, error)
	BeginRequest(ctx context.Context, b *sqlstore.Begin, now int64) (sqlstore.Begun, sqlstore.Request, error)
	MarkAccepted(ctx context.Context, participant ledger.BIC, key string, height uint64, first int, payments []ledger.ID, now int64) error
	FinishRequest(ctx context.Context, participant ledger.BIC, key string, status int, header, body []byte, sent ...sqlstore.Message) error
	AbandonRequest(ctx context.Context, participant ledger.BIC, key string) error
	ExpireRequests(ctx context.Context, before int64) (int64, error)
	ApprovalRules(ctx context.Context, participant ledger.BIC) ([]sqlstore.ApprovalRule, error)
	PutApprovalRules(ctx context.Context, participant ledger.BIC, rules []sqlstore.ApprovalRule, replace bool) error
	Withheld(ctx context.Context, sender ledger.BIC, key string) (bool, error)
	Decide(ctx context.Context, sender ledger.BIC, payment, decider ledger.ID, approve bool, now int64) (sqlstore.Request, error)
	ExpireApprovals(ctx context.Context, now int64) error
	ApprovedUnordered(ctx context.Context, before int64) ([]sqlstore.Request, error)
	PaymentTrace(ctx context.Context, sender ledger.BIC, payment ledger.ID) (string, error)

	Payment(ctx context.Context, viewer ledger.BIC, id ledger.ID) (sqlstore.Payment, error)
	Returned(ctx context.Context, p *sqlstore.Payment) (ledger.ID, error)
	Payments(ctx context.Context, viewer ledger.BIC, f sqlstore.PaymentFilter, after sqlstore.PaymentCursor, limit int) ([]sqlstore.Payment, error)
	PaymentsByID(ctx context.Context, sender ledger.BIC, ids []ledger.ID) ([]sqlstore.Payment, error)
	PaymentDetails(ctx context.Context, viewer ledger.BIC, id ledger.ID) (sqlstore.Details, error)
	PaymentsOfMessage(ctx context.Context, sender ledger.BIC, messageID string) ([]sqlstore.Payment, error)
	CancelHeld(ctx context.Context, sender ledger.BIC, id ledger.ID, now int64) (bool, error)
	Messages(ctx context.Context, viewer ledger.BIC, payment ledger.ID) ([]sqlstore.Message, error)
	MessagesOf(ctx context.Context, viewer ledger.BIC, after sqlstore.MessageCursor, limit int) ([]sqlstore.Message, error)
	Message(ctx context.Context, viewer ledger.BIC, id ledger.ID) (sqlstore.Message, error)
	MessageSent(ctx context.Context, author ledger.BIC, kind, messageID string) (sqlstore.Message, error)
	Reference(ctx context.Context, sender ledger.BIC, payment ledger.ID) ([]byte, error)
	PassOn(ctx context.Context, m sqlstore.Message, kind string, p sqlstore.Payment, now int64) error
	Postings(ctx context.Context, viewer ledger.BIC, height uint64, index int) ([]sqlstore.Posting, error)
	Statement(ctx context.Context, line sqlstore.Line, from, until int64, limit int) (sqlstore.Statement, error)
	Nets(ctx context.Context, participant ledger.BIC, from, until int64) ([]sqlstore.Net, error)
	Moves(ctx context.Context, height uint64, index int) ([]ledger.Move, error)

	Participant(ctx context.Context, bic ledger.BIC) (sqlstore.Participant, error)
	Participants(ctx context.Context, after ledger.BIC, limit int) ([]sqlstore.Participant, error)
	Caps(ctx context.Context, participant ledger.BIC) ([]sqlstore.Cap, error)
	Settings(ctx context.Context, participant ledger.BIC) (sqlstore.Settings, error)
	PutSettings(ctx context.Context, s sqlstore.Settings) error

	Line(ctx context.Context, holder ledger.BIC, asset ledger.AssetName) (sqlstore.Line, error)
	Lines(ctx context.Context, viewer ledger.BIC, f sqlstore.LineFilter, after ledger.PosID, limit int) ([]sqlstore.Line, error)
	Balances(ctx context.Context, holder ledger.BIC) ([]sqlstore.Line, uint64, error)
	BalancesAt(ctx context.Context, holder ledger.BIC, height uint64) ([]sqlstore.Line, error)
	HeightAt(ctx context.Context, time int64) (uint64, error)
	Projected(ctx context.Context) (height uint64, hash ledger.Hash, ok bool, err error)

	Events(ctx context.Context, participant ledger.BIC, after string, limit int) ([]sqlstore.Event, error)
	EventsOfAll(ctx context.Context, after *sqlstore.Event, limit int) ([]sqlstore.Event, error)
	LastEvent(ctx context.Context) (sqlstore.Event, error)

	Offer(ctx context.Context, maker ledger.BIC, id ledger.ID) (sqlstore.Offer, error)
	Offers(ctx context.Context, f sqlstore.OfferFilter, after uint64, limit int) ([]sqlstore.Offer, error)
	Hold(ctx context.Context, owner ledger.BIC, id ledger.ID) (sqlstore.Hold, error)
	Fills(ctx context.Context, dealer ledger.BIC, f sqlstore.FillFilter, after sqlstore.FillCursor, limit int) ([]sqlstore.Fill, error)
	FillTotals(ctx context.Context, dealer ledger.BIC, f sqlstore.FillFilter) ([]sqlstore.FillTotal, error)
	Inventories(ctx context.Context, dealer ledger.BIC) ([]sqlstore.Inventory, error)
	Ladder(ctx context.Context, maker ledger.BIC, base, quote money.Currency) ([]sqlstore.Offer, error)
	Book(ctx context.Context, give, want money.Currency, limit int) ([]sqlstore.Offer, error)

	Block(ctx context.Context, height uint64) (sqlstore.Block, error)
	LeafHashes(ctx context.Context, height uint64) ([]ledger.Hash, error)
	Blocks(ctx context.Context, before uint64, limit int) ([]sqlstore.Block, error)

	PutAPIKey(ctx context.Context, k sqlstore.APIKey) error
	Credential(ctx context.Context, prefix string) (sqlstore.Credential, error)
	PutClientKey(ctx context.Context, k sqlstore.ClientKey) error
	ClientKey(ctx context.Context, participant ledger.BIC, id ledger.ID) (sqlstore.ClientKey, error)
	ClientKeys(ctx context.Context, participant ledger.BIC) ([]sqlstore.ClientKey, error)
	DeleteClientKey(ctx context.Context, participant ledger.BIC, id ledger.ID) error
	UseNonce(ctx context.Context, key ledger.ID, nonce string, expires, now int64) error
	APIKeyByPrefix(ctx context.Context, prefix string) (sqlstore.APIKey, error)
	ReplaceAPIKey(ctx context.Context, old ledger.ID, until int64, k sqlstore.APIKey) error
	APIKey(ctx context.Context, participant ledger.BIC, id ledger.ID) (sqlstore.APIKey, error)
	APIKeys(ctx context.Context, participant ledger.BIC, after ledger.ID, limit int) ([]sqlstore.APIKey, error)
	RevokeAPIKey(ctx context.Context, participant ledger.BIC, id ledger.ID, now int64) error
	TouchAPIKey(ctx context.Context, id ledger.ID, now int64) error
	PutSigningKey(ctx context.Context, k sqlstore.SigningKey) error
	DeleteSigningKey(ctx context.Context, participant ledger.BIC, public [32]byte) error
	SigningKeys(ctx context.Context, participant ledger.BIC) ([]sqlstore.SigningKey, error)
	PutEncryptionKey(ctx context.Context, k sqlstore.EncryptionKey) error
	EncryptionKeys(ctx context.Context, participant ledger.BIC) ([]sqlstore.EncryptionKey, error)
	PutParcel(ctx context.Context, p sqlstore.Parcel) error
	Undelivered(ctx context.Context, sender ledger.BIC, payments []ledger.ID) ([]sqlstore.Parcel, error)
	MarkDelivered(ctx context.Context, sender ledger.BIC, payment ledger.ID) error
	Parcel(ctx context.Context, receiver ledger.BIC, p *sqlstore.Payment) (sqlstore.Parcel, error)

	PutWebhook(ctx context.Context, w sqlstore.Webhook, most int) error
	Webhook(ctx context.Context, participant ledger.BIC, id ledger.ID) (sqlstore.Webhook, error)
	Webhooks(ctx context.Context, participant ledger.BIC) ([]sqlstore.Webhook, error)
	ChangeWebhook(ctx context.Context, participant ledger.BIC, id ledger.ID, c sqlstore.WebhookChange) (sqlstore.Webhook, error)
	ReplaceWebhookSecret(ctx context.Context, id ledger.ID, old, secret []byte) error
	DeleteWebhook(ctx context.Context, participant ledger.BIC, id ledger.ID) error
	Deliveries
}

// Balances is the cache in front of the store's balances; nil when there is none.
type Balances interface {
	Get(ctx context.Context, holder ledger.BIC) ([]sqlstore.Line, uint64, bool, error)
}

// Mids gives mid-market rates; *rates.Feed serves it.
type Mids interface {
	Table() (*rates.Table, error)
}
