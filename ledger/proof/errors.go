package proof

import "errors"

// What a verifier finds wrong; callers match with errors.Is.
var (
	// ErrForm says that the text is not the canonical form.
	ErrForm = errors.New("not in canonical form")
	// ErrSignature says that the signatures are not a quorum's valid ones.
	ErrSignature = errors.New("not signed by a quorum")
	// ErrInclusion says that the leaf, its index and the hashes do not lead to the signed root.
	ErrInclusion = errors.New("not included in the signed log")
	// ErrConsistency says that one checkpoint's log is not a continuation of the other's.
	ErrConsistency = errors.New("checkpoints are not consistent")
)
