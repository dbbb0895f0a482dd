// A bank's first program against Viaduct: ask for a price, pay, pay the same order again, read the
// payment, and make a mistake. Every path, parameter, body and answer has the type that openapi-typescript
// made of the contract; what the contract does not allow does not compile.
import type { components, operations, paths } from "./contract.js";

declare const process: { env: Record<string, string | undefined>; exitCode?: number };

type Schemas = components["schemas"];
type JSONOf<R> = R extends { content: { "application/json": infer B } } ? B : never;
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined;
type AnswerOf<O> = O extends { responses: infer R } ? JSONOf<R[keyof R & (200 | 201 | 202)]> : never;

class Refused extends Error {
  constructor(readonly problem: Schemas["Problem"]) {
    super(`${problem.code} (${problem.request_id})`);
  }
}

class Viaduct {
  constructor(private readonly url: string, private readonly key: string) {}

  async call<O>(method: string, path: string, body: BodyOf<O>, headers: Record<string, string> = {}): Promise<{ data: AnswerOf<O>; response: Response }> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.key}`, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Refused((await response.json()) as Schemas["Problem"]);
    return { data: (await response.json()) as AnswerOf<O>, response };
  }
}

function check(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Error(what);
}

async function main(): Promise<void> {
  const { URL: url, KEY: key } = process.env;
  check(url !== undefined && key !== undefined, "URL and KEY are not set");
  const bank = new Viaduct(url, key);

  const deliver: Schemas["Money"] = { currency: "EUR", value: "12.34" };
  const quote = (await bank.call<paths["/v1/quotes"]["post"]>("POST", "/v1/quotes", { to: "EURBDEFF", deliver, source: "MXN" })).data;
  const price = quote.options.find((o) => o.code === undefined);
  check(price?.source?.currency === "MXN", "no price in pesos");

  const order: Schemas["NewPayment"] = { to: "EURBDEFF", deliver, send_max: { currency: "MXN", value: "900.00" }, end_to_end_id: "TS-1" };
  const once = { "idempotency-key": `ts-${Date.now()}`, prefer: "wait=10" };
  const first = await bank.call<operations["CreatePayment"]>("POST", "/v1/payments", order, once);
  const payment: Schemas["Payment"] = first.data;
  check(payment.status === "settled" && payment.delivered?.value === "12.34", `the payment is ${payment.status}`);
  const again = await bank.call<operations["CreatePayment"]>("POST", "/v1/payments", order, once);
  check(again.data.id === payment.id && again.response.headers.get("idempotent-replayed") === "true", "the order was carried out twice");

  const read = (await bank.call<operations["GetPayment"]>("GET", `/v1/payments/${payment.id}`, undefined)).data;
  check(read.status === "settled" && read.end_to_end_id === "TS-1", "the payment reads otherwise");

  const hook = (await bank.call<operations["CreateWebhook"]>("POST", "/v1/webhooks", { url: "https://bank.example/", events: ["payment.settled"] })).data;
  check(hook.secret !== undefined && hook.public_key.startsWith("whpk_"), "no secret");

  try {
    await bank.call<operations["CreatePayment"]>("POST", "/v1/payments", { ...order, to: "NOWHERE" }, { "idempotency-key": "ts-wrong" });
    check(false, "a payment to nowhere was taken");
  } catch (e) {
    check(e instanceof Refused, String(e));
    const fault: Schemas["Fault"] | undefined = e.problem.errors?.[0];
    check(e.problem.code === "invalid_bic" && fault?.pointer === "/to", JSON.stringify(e.problem));
  }
  console.log(JSON.stringify({ id: payment.id, cost: payment.source?.value }));
}

main().catch((e: unknown) => {
  console.error(e);
  process.exitCode = 1;
});
