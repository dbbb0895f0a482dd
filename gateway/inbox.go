package gateway

import (
	"bytes"
	"context"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// ListMessages lists what the caller sent, what it was answered, and what other banks' messages say to it.
func (s server) ListMessages(ctx context.Context, r openapi.ListMessagesRequestObject) (openapi.ListMessagesResponseObject, error) {
	whose := exchangeOf(ctx).caller.bic
	list := "messages:" + whose.String()
	at, id, err := s.behindTimed(list, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.MessagesOf(ctx, whose, sqlstore.MessageCursor{Created: at, ID: id}, limit+1)
	found, next := cut(s.Gateway, list, found, limit, func(m *sqlstore.Message) []byte { return timed(m.Created, m.ID) })
	page := openapi.ListMessages200JSONResponse{Data: []openapi.MessageSummary{}, NextCursor: next}
	for i := range found {
		m := &found[i]
		page.Data = append(page.Data, openapi.MessageSummary{
			Id: idText(m.ID), Type: m.Type, Direction: openapi.MessageDirection(m.Direction), From: m.Author.String(),
			MessageId: m.MessageID, CreatedAt: timeText(m.Created),
		})
	}
	return page, err
}

// GetMessage reads a message byte for byte.
func (s server) GetMessage(ctx context.Context, r openapi.GetMessageRequestObject) (openapi.GetMessageResponseObject, error) {
	id, err := parseID(r.Id)
	if err != nil {
		return nil, err
	}
	m, err := s.cfg.Store.Message(ctx, exchangeOf(ctx).caller.bic, id)
	if err != nil {
		return nil, missing(err)
	}
	return openapi.GetMessage200ApplicationxmlResponse{Body: bytes.NewReader(m.Body), ContentLength: int64(len(m.Body))}, nil
}
