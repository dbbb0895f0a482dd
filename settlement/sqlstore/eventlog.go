package sqlstore

import (
	"cmp"
	"context"
	"database/sql"

	"viaduct/ledger"
)

// EventAt returns the place of an event by its id, for asking what comes after it; ErrCursor when the
// text is no event's id. The empty text is before all events.
func EventAt(id string) (Event, error) {
	place, err := parseEvent(id)
	return Event{ID: id, Height: place.height, place: place}, err
}

// After says whether e comes after o in the chain.
func (e *Event) After(o *Event) bool {
	return cmp.Or(cmp.Compare(e.place.height, o.place.height), cmp.Compare(e.place.index, o.place.index), cmp.Compare(e.place.party, o.place.party)) > 0
}

// LastEvent returns the newest event of anyone; zero when there is none.
func (s *Store) LastEvent(ctx context.Context) (last Event, err error) {
	found, err := list(ctx, s.read, "last event", func(r *sql.Rows, e *Event) error { return scanEvent(r, e) },
		`SELECT `+eventColumns+` FROM events e ORDER BY e.height DESC, e.idx DESC, e.party DESC LIMIT 1`)
	if len(found) > 0 {
		last = found[0]
	}
	return last, err
}

// EventsOfAll returns everyone's events after one of them, oldest first.
func (s *Store) EventsOfAll(ctx context.Context, after *Event, limit int) ([]Event, error) {
	return list(ctx, s.read, "events", func(r *sql.Rows, e *Event) error { return scanEvent(r, e) },
		`SELECT `+eventColumns+` FROM events e WHERE (e.height, e.idx, e.party) > ($1, $2, $3) ORDER BY e.height, e.idx, e.party LIMIT $4`,
		int64(after.place.height), after.place.index, after.place.party, limit)
}

// A fill's events stand behind those of the payment or the new offer that took from the offers.
const partyMaker = 1 << 20

type fillData struct {
	OfferID string       `json:"offer_id"`
	Gave    *eventAmount `json:"gave"`
	Got     *eventAmount `json:"got"`
	Height  uint64       `json:"height"`
	Index   int          `json:"index"`
}

// fillEvents returns what a result tells the makers of the offers it took from. Who took is not theirs to
// know.
func fillEvents(r *ledger.Result, height uint64, index int, time int64) (events []Event) {
	for i := range r.Moves {
		m := &r.Moves[i]
		if m.Kind != ledger.Fill || m.Holder == r.Participant {
			continue
		}
		place := eventPlace{height, index, partyMaker + i}
		e := Event{Participant: m.Holder, Type: OfferFilled, Payment: m.Offer, Height: height, Time: time, sender: m.Holder, place: place}
		e.seal(fillData{idText(m.Offer), assetAmount(m.Out, m.Asset), assetAmount(m.In, m.Want), height, index})
		events = append(events, e)
	}
	return events
}
