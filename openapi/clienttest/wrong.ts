// None of this is in the contract, so none of it compiles: each line that @ts-expect-error stands over
// has to be refused.
import type { components } from "./contract.js";

type Schemas = components["schemas"];

// @ts-expect-error: an amount is text, never a number
export const amount: Schemas["Money"] = { currency: "EUR", value: 12.34 };
// @ts-expect-error: an order says to whom
export const order: Schemas["NewPayment"] = { deliver: { currency: "EUR", value: "1.00" } };
// @ts-expect-error: no such status
export const status: Schemas["PaymentStatus"] = "done";
// @ts-expect-error: no such event
export const events: Schemas["NewWebhook"] = { url: "https://bank.example/", events: ["payment.lost"] };
