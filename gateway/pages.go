package gateway

import (
	"encoding/binary"

	"viaduct/ledger"
	"viaduct/openapi"
)

const defaultLimit = 50

func limitOf(asked int) int {
	if asked == 0 {
		return defaultLimit
	}
	return asked
}

// behind reads the cursor of a list: the position of its last entry that the caller has, nil when it begins.
func (g *Gateway) behind(list, cursor string, size int) ([]byte, error) {
	if cursor == "" {
		return nil, nil
	}
	at, ok := g.secrets.positionOf(list, cursor, size)
	if !ok {
		var f faults
		f.add("query:cursor", openapi.ErrorCodeInvalidCursor, "not a cursor of this list", "")
		return nil, f.problem()
	}
	return at, nil
}

// behindNumber is behind for a list whose positions are numbers; start is where it begins.
func (g *Gateway) behindNumber(list, cursor string, start int64) (int64, error) {
	at, err := g.behind(list, cursor, 8)
	if at == nil {
		return start, err
	}
	return int64(binary.BigEndian.Uint64(at)), nil
}

// behindTimed is behind for a list in the order of time, and within a millisecond of ids.
func (g *Gateway) behindTimed(list, cursor string) (ms int64, id ledger.ID, err error) {
	at, err := g.behind(list, cursor, 8+len(id))
	if at == nil {
		return 0, id, err
	}
	return int64(binary.BigEndian.Uint64(at)), ledger.ID(at[8:]), nil
}

// timed is a position in such a list.
func timed(ms int64, id ledger.ID) []byte { return append(be64(uint64(ms)), id[:]...) }

// cut makes a page of a list of what was read, which is one more than the page's limit when the list goes
// on; then next is the cursor of the page behind it.
func cut[T any](g *Gateway, list string, found []T, limit int, position func(last *T) []byte) (page []T, next string) {
	if len(found) <= limit {
		return found, ""
	}
	return found[:limit], g.secrets.cursorFor(list, position(&found[limit-1]))
}
