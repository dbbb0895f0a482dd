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
	var after sqlstore.MessageCursor
	if r.Params.Cursor != "" {
		at, ok := s.secrets.positionOf(list, r.Params.Cursor, 8+len(after.ID))
		if !ok {
			return nil, errCursor()
		}
		after = sqlstore.MessageCursor{Created: readPaymentCursor(at).At, ID: readPaymentCursor(at).ID}
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.MessagesOf(ctx, whose, after, limit+1)
	page := openapi.ListMessages200JSONResponse{Data: []openapi.MessageSummary{}}
	for i := range found {
		m := &found[i]
		if i == limit {
			last := &found[i-1]
			page.NextCursor = s.secrets.cursorFor(list, append(be64(uint64(last.Created)), last.ID[:]...))
			break
		}
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
