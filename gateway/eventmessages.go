package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// withMessages completes events with the ISO 20022 messages that they are: what an event passes on, and
// for a payment that was ordered in a message what Viaduct says of its end. They follow from what is kept,
// so that an event has the same bytes wherever and whenever it is read.
func (g *Gateway) withMessages(ctx context.Context, events []*sqlstore.Event) error {
	for _, e := range events {
		list, err := g.messagesOf(ctx, e)
		if err != nil {
			return fmt.Errorf("messages of event %s: %w", e.ID, err)
		}
		if len(list) == 0 {
			continue
		}
		text, err := json.Marshal(list)
		if err != nil {
			return fmt.Errorf("messages of event %s: %w", e.ID, err)
		}
		var body struct {
			ID        json.RawMessage            `json:"id"`
			Type      json.RawMessage            `json:"type"`
			Timestamp json.RawMessage            `json:"timestamp"`
			Data      map[string]json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return fmt.Errorf("event %s: %w", e.ID, err)
		}
		body.Data["messages"] = text
		if e.Body, err = json.Marshal(body); err != nil {
			return fmt.Errorf("event %s: %w", e.ID, err)
		}
	}
	return nil
}

func (g *Gateway) messagesOf(ctx context.Context, e *sqlstore.Event) ([]openapi.Message, error) {
	if e.Message != (ledger.ID{}) {
		m, err := g.cfg.Store.Message(ctx, e.Participant, e.Message)
		if err != nil {
			return nil, err
		}
		return []openapi.Message{messageView(&m)}, nil
	}
	reference, err := g.cfg.Store.Reference(ctx, e.Sender(), e.Payment)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil, nil // it was not ordered in a message
	}
	if err != nil {
		return nil, err
	}
	p, err := g.cfg.Store.Payment(ctx, e.Participant, e.Payment)
	if err != nil || p.From != e.Sender() {
		return nil, err
	}
	return g.outbound(ctx, e.Participant, p, reference)
}
