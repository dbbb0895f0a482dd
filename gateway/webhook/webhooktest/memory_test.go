package webhooktest

import "testing"

func TestMemoryKeepsTheStoresPromises(t *testing.T) {
	Run(t, func(*testing.T) Store { return NewMemory() })
}
