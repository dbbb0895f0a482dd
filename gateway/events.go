package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// ListEvents reads a page of a participant's events, as its webhooks get them.
func (s server) ListEvents(ctx context.Context, r openapi.ListEventsRequestObject) (openapi.ListEventsResponseObject, error) {
	whose, err := exchangeOf(ctx).caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	list := "events:" + whose.String()
	after, err := s.behind(list, r.Params.Cursor, anySize)
	if err != nil {
		return nil, err
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.Events(ctx, whose, string(after), limit)
	if err != nil {
		return nil, err
	}
	if err := s.complete(ctx, found); err != nil {
		return nil, err
	}
	var page eventPageOf
	for i := range found {
		page.bodies = append(page.bodies, found[i].Body)
		after = []byte(found[i].ID)
	}
	page.next = s.secrets.cursorFor(list, after) // also where the list ends: it goes on from there
	page.more = len(found) == limit
	return page, nil
}

// complete gives events the ISO 20022 messages that belong to them, as webhooks get them.
func (g *Gateway) complete(ctx context.Context, found []sqlstore.Event) error {
	all := make([]*sqlstore.Event, len(found))
	for i := range found {
		all[i] = &found[i]
	}
	return g.withMessages(ctx, all)
}

// eventPageOf writes events byte for byte as they are sent to webhooks.
type eventPageOf struct {
	bodies [][]byte
	next   string
	more   bool
}

// VisitListEventsResponse writes the page.
func (p eventPageOf) VisitListEventsResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, err := fmt.Fprintf(w, `{"data":[%s],"has_more":%t,"next_cursor":%q}`+"\n", bytes.Join(p.bodies, []byte(",")), p.more, p.next)
	return err
}

// StreamEvents sends the caller's events as they come.
func (s server) StreamEvents(ctx context.Context, r openapi.StreamEventsRequestObject) (openapi.StreamEventsResponseObject, error) {
	whose, err := exchangeOf(ctx).caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	var after sqlstore.Event
	if r.Params.LastEventID != "" {
		if after, err = sqlstore.EventAt(r.Params.LastEventID); err != nil {
			var f faults
			f.add("header:Last-Event-ID", openapi.ErrorCodeInvalidCursor, "not the id of an event", "")
			return nil, f.problem()
		}
	}
	l, err := s.hub.listen(whose)
	if err != nil {
		return nil, err
	}
	if r.Params.LastEventID == "" {
		if after, err = s.cfg.Store.LastEvent(ctx); err != nil {
			s.hub.remove(whose, l)
			return nil, err
		}
	}
	return &eventStream{gateway: s.Gateway, hub: s.hub, ctx: ctx, listener: l, after: after}, nil
}

// eventStream is the answer of StreamEvents.
type eventStream struct {
	gateway  *Gateway
	hub      *hub
	ctx      context.Context // ends with the connection
	listener *listener
	after    sqlstore.Event // the last event written, or the one to begin behind
}

// VisitStreamEventsResponse writes events until the reader leaves or is too slow, or the server shuts
// down. Whoever is cut off connects again with the id of the last event it has, and misses nothing.
func (v *eventStream) VisitStreamEventsResponse(w http.ResponseWriter) error {
	defer v.hub.remove(v.listener.owner, v.listener)
	out, err := startStream(w, v.hub.patience)
	if err != nil {
		return nil
	}
	if out.comment("open") != nil {
		return nil
	}
	beat := time.NewTicker(v.hub.heartbeat)
	defer beat.Stop()
	for {
		// The mark is looked at before the queue, so that what was left out is never behind what was not.
		if v.hub.behind(v.listener) {
			if v.catchUp(&out) != nil {
				return nil
			}
		}
		select {
		case <-v.ctx.Done():
			return nil
		case <-v.hub.closed:
			return nil
		case <-beat.C:
			if out.comment("beat") != nil {
				return nil
			}
		case e := <-v.listener.queue:
			if e == nil || !e.After(&v.after) {
				continue // woken to catch up, or it was caught up with
			}
			if v.hub.behind(v.listener) {
				// Others were left out, and they may come before this one.
				if v.catchUp(&out) != nil {
					return nil
				}
				continue
			}
			// What waits behind it goes out with it: one write for a block's events.
			found := []sqlstore.Event{*e}
			for more := true; more; {
				select {
				case e = <-v.listener.queue:
					if e != nil {
						found = append(found, *e)
					}
				default:
					more = false
				}
			}
			if v.write(&out, found) != nil {
				return nil
			}
		}
	}
}

func (v *eventStream) write(out *events, found []sqlstore.Event) error {
	if err := v.gateway.complete(v.ctx, found); err != nil {
		return err
	}
	var text bytes.Buffer
	for i := range found {
		e := &found[i]
		fmt.Fprintf(&text, "id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, e.Body)
		v.after = *e
	}
	return out.raw(text.Bytes())
}

// catchUp writes what the database has behind the last event written.
func (v *eventStream) catchUp(out *events) error {
	for {
		found, err := v.hub.store.Events(v.ctx, v.listener.owner, v.after.ID, eventPage)
		if err != nil {
			return err
		}
		if err := v.write(out, found); err != nil {
			return err
		}
		if len(found) < eventPage {
			return nil
		}
	}
}

// startStream makes the response one of server-sent events, whose deadlines are each event's own.
func startStream(w http.ResponseWriter, patience time.Duration) (events, error) {
	out := events{w: w, conn: http.NewResponseController(w), patience: patience}
	if err := out.conn.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return out, err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Connection", "close") // its deadlines are no other request's
	w.WriteHeader(http.StatusOK)
	return out, nil
}

// withID writes an event with its id, which a reader sends back to go on behind it.
func (e *events) withID(id, name string, data []byte) error {
	if err := e.deadline(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(e.w, "id: %s\n", id); err != nil {
		return err
	}
	return e.event(name, data)
}

// comment writes a line that readers skip; it keeps the connection from being taken for dead.
func (e *events) comment(text string) error {
	return e.raw([]byte(": " + text + "\n\n"))
}

func (e *events) raw(text []byte) error {
	if err := e.deadline(); err != nil {
		return err
	}
	if _, err := e.w.Write(text); err != nil {
		return err
	}
	return e.conn.Flush()
}
