package main

import (
	"context"
	"net/http"
	"net/url"

	"viaduct/openapi"
)

type paymentsApproveCmd struct {
	askFlags
	ID     string `arg:"" help:"The payment's id."`
	Refuse bool   `help:"Refuse it instead, which cancels it."`
}

// Run lets this profile's key decide about a payment that waits for a second one, and shows what became
// of it.
func (c paymentsApproveCmd) Run(ctx context.Context, t terminal) error {
	_, err := get(ctx, c.askFlags, request{
		method: http.MethodPost, path: "/v1/payments/" + url.PathEscape(c.ID) + "/approve",
		body: openapi.ApprovePaymentJSONRequestBody{Approve: !c.Refuse}, prefer: "wait=10",
	}, t, paymentText)
	return err
}
