// Draws the contract that this gateway serves. Nothing is fetched from anywhere else, and a key that is
// typed in is forgotten with the page.
SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#contract",
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
  persistAuthorization: false,
  requestSnippetsEnabled: true,
});
