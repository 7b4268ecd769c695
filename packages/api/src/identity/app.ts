import { documentOf, identityDocumentPath } from "../http/openapi.ts";
import { openDatabase } from "./database.ts";
import { parseEnvironment } from "./environment.ts";
import { createApp, type IdentityApp } from "./http/route.ts";
import { emailRoutes } from "./routes/email.ts";
import { githubRoutes } from "./routes/github.ts";
import { invitationRoutes } from "./routes/invitation.ts";
import { optionRoutes } from "./routes/options.ts";
import { passwordRoutes } from "./routes/password.ts";
import { profileRoutes } from "./routes/profile.ts";
import { secondFactorRoutes } from "./routes/second-factor.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { signUpRoutes } from "./routes/sign-up.ts";
import { twoFactorRoutes } from "./routes/two-factor.ts";

/**
 * The worker that signs people in: everything under /v1/auth. It alone reaches the tables of sign-in; the API hands
 * requests on to it.
 */
export function createIdentityApp(): IdentityApp {
  const app = createApp((env) => {
    const settings = parseEnvironment(env);
    return { settings, database: openDatabase(settings.connectionString) };
  });
  optionRoutes(app);
  signUpRoutes(app);
  invitationRoutes(app);
  signInRoutes(app);
  secondFactorRoutes(app);
  passwordRoutes(app);
  githubRoutes(app);
  twoFactorRoutes(app);
  sessionRoutes(app);
  emailRoutes(app);
  profileRoutes(app);
  // Read by the API, whose document it is a part of.
  app.get(identityDocumentPath, (context) => context.json(documentOf(app)));
  return app;
}
