package gateway

import (
	"encoding/base64"
	"fmt"
	"testing"

	"viaduct/ledger/proof"
)

// The newest checkpoint is signed, and goes on from one that was kept.
func TestCheckpointGoesOnFromAnOlderOne(t *testing.T) {
	r := newRig(t)
	read := func(query string) (proof.Checkpoint, []proof.Hash) {
		got := r.must(200, r.do("GET", "/v1/checkpoints/latest"+query, mexican, nil))
		c, _, err := proof.VerifyCheckpoint([]byte(got.text("checkpoint")), r.policy)
		r.ok(err)
		if size := uint64(got.json["size"].(float64)); size != c.Size {
			t.Errorf("size %d of a checkpoint of %d leaves", size, c.Size)
		}
		var hashes []proof.Hash
		for _, text := range got.json["consistency"].([]any) {
			h, err := base64.StdEncoding.DecodeString(text.(string))
			r.ok(err)
			hashes = append(hashes, proof.Hash(h))
		}
		return c, hashes
	}
	older, _ := read("")
	r.market()
	newer, hashes := read(fmt.Sprint("?since=", older.Size))
	if newer.Size <= older.Size {
		t.Errorf("%d leaves, then %d", older.Size, newer.Size)
	}
	r.ok(proof.VerifyConsistency(older, newer, hashes))
	r.must(404, r.do("GET", fmt.Sprint("/v1/checkpoints/latest?since=", newer.Size+1000), mexican, nil))
	r.must(400, r.do("GET", "/v1/checkpoints/latest?since=0", mexican, nil))
}
