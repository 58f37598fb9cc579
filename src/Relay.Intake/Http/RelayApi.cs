using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Description;
using Relay.Intake.Http.Domains;
using Relay.Intake.Http.Inbox;
using Relay.Intake.Http.Incoming;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Intake.Http.Limits;
using Relay.Intake.Http.Messages;
using Relay.Intake.Http.Queue;
using Relay.Intake.Http.Repeating;
using Relay.Intake.Http.Senders;
using Relay.Intake.Http.Routes;
using Relay.Intake.Http.Sending;
using Relay.Intake.Http.Statistics;
using Relay.Intake.Http.Suppressions;
using Relay.Intake.Http.Templates;
using Relay.Intake.Http.Unsubscribing;
using Relay.Intake.Http.Webhooks;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;

namespace Relay.Intake.Http;

/// <summary>The API, its table of contents.</summary>
public static class RelayApi
{
    public static IEndpointRouteBuilder MapRelayApi(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/send", (HttpContext context, SendEndpoint send) => send.SendAsync(context))
            .Requires(CredentialScope.Send).WithTags("Sending").WithSummary("Send a message")
            .WithDescription("The 202 means that the message is kept and will be delivered or reported as failed; GET /messages/{id} tells how it went.")
            .WithMetadata(new TakesIdempotencyKey())
            .Reads<SendRequest>().Produces<SendAnswer>(StatusCodes.Status202Accepted).AnswersProblems();

        routes.MapPost("/send/batch", (HttpContext context, BatchEndpoint batch) => batch.SendAsync(context))
            .Requires(CredentialScope.Send).RunsOnce(BatchEndpoint.MaxBody).WithTags("Sending").WithSummary("Send up to 500 messages, each for itself")
            .WithDescription("A list of what POST /send takes. Items tells of each, in their order: 202 and its message, or a problem. 202 when all were taken, 200 when some were not.")
            .Reads<SendRequest[]>().Produces<BatchAnswer>(StatusCodes.Status202Accepted).Produces<BatchAnswer>().AnswersProblems();

        routes.MapGet("/messages", (HttpContext context, MessageEndpoints messages, string? limit, string? cursor, string? recipient, string? status) =>
                messages.ListAsync(context, limit, cursor, recipient, status))
            .Requires(CredentialScope.Read).WithTags("Messages").WithSummary("List messages, newest first")
            .Produces<Page<MessageView>>().AnswersProblems();
        routes.MapGet("/messages/{id}", (HttpContext context, MessageEndpoints messages, string id) => messages.FindAsync(context, id))
            .Requires(CredentialScope.Read).WithTags("Messages").WithSummary("Tell what happened to a message")
            .Produces<MessageView>().AnswersProblems();

        routes.MapGet("/messages/{id}/transcripts", (HttpContext context, TranscriptEndpoint transcripts, string id) => transcripts.ListAsync(context, id))
            .Requires(CredentialScope.Read).WithTags("Messages").WithSummary("Give the dialogues of a message's attempts")
            .WithDescription("Of the attempts that failed, the last ten of them and for some days, and of a few that did not. Without logins and content.")
            .Produces<Page<TranscriptView>>().AnswersProblems();

        routes.MapDelete("/messages/{id}", (HttpContext context, CancelEndpoint cancel, string id, string? reason) => cancel.CancelAsync(context, id, reason))
            .Requires(CredentialScope.Send).WithTags("Messages").WithSummary("Cancel what has not gone out yet")
            .WithDescription("409 when nothing waits any more or some of it is on its way; recipients says how each stands. 202 when it is done later.")
            .Produces<CancelAnswer>().Produces<CancelAnswer>(StatusCodes.Status202Accepted)
            .AnswersProblems(StatusCodes.Status409Conflict);

        routes.MapGet("/inbox", (HttpContext context, InboxEndpoints inbox, string? limit, string? cursor) => inbox.ListAsync(context, limit, cursor))
            .Requires(CredentialScope.Read).WithTags("Inbox").WithSummary("List what was sent with a test key, newest first")
            .Produces<Page<CapturedView>>().AnswersProblems();
        routes.MapGet("/inbox/{id}", (HttpContext context, InboxEndpoints inbox, string id) => inbox.FindAsync(context, id))
            .Requires(CredentialScope.Read).WithTags("Inbox").WithSummary("Show a captured message")
            .Produces<CapturedView>().AnswersProblems();
        routes.MapGet("/inbox/{id}/raw", (HttpContext context, InboxEndpoints inbox, string id) => inbox.ReadRawAsync(context, id))
            .Requires(CredentialScope.Read).WithTags("Inbox").WithSummary("Give a captured message as it would have left")
            .Produces(StatusCodes.Status200OK, contentType: "message/rfc822").AnswersProblems();

        routes.MapGet("/incoming/aside", (HttpContext context, AsideEndpoints aside) => aside.ListAsync(context))
            .RequiresAdmin().WithTags("Incoming").WithSummary("List mail that came back and that nobody could make anything of, newest first")
            .WithDescription("To a return path, but no report; or for the postmaster. The newest two hundred.")
            .Produces<Page<AsideView>>().AnswersProblems();
        routes.MapGet("/incoming/aside/{id}/raw", (HttpContext context, AsideEndpoints aside, string id) => aside.ReadRawAsync(context, id))
            .RequiresAdmin().WithTags("Incoming").WithSummary("Give the first 32 KiB of such a mail")
            .Produces(StatusCodes.Status200OK, contentType: "message/rfc822").AnswersProblems();
        routes.MapPost("/routes", (HttpContext context, RouteEndpoints inbound) => inbound.CreateAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Incoming").WithSummary("Let mail of the world in for a domain or an address, and say where it goes")
            .WithDescription("To a webhook, to another address, or on to the host that the delivery's routes name. The secret of a webhook is shown this once.")
            .Reads<RouteRequest>().Produces<RouteView>(StatusCodes.Status201Created).AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapGet("/routes", (HttpContext context, RouteEndpoints inbound) => inbound.ListAsync(context))
            .Requires(CredentialScope.Manage).WithTags("Incoming").WithSummary("List routes")
            .Produces<Page<RouteView>>().AnswersProblems();
        routes.MapDelete("/routes/{id}", (HttpContext context, RouteEndpoints inbound, string id) => inbound.RemoveAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Incoming").WithSummary("Remove a route: mail for it is refused from then on")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();
        routes.MapPost("/webhooks", (HttpContext context, WebhookEndpoints webhooks) => webhooks.CreateAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Webhooks").WithSummary("Be told what happens to mail, as it happens")
            .WithDescription("Each event is a POST of its own, signed as Standard Webhooks has it; those of one message come in order, each at least once and with the same webhook-id each time. The secret is shown this once.")
            .Reads<WebhookRequest>().Produces<WebhookView>(StatusCodes.Status201Created).AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapGet("/webhooks", (HttpContext context, WebhookEndpoints webhooks) => webhooks.ListAsync(context))
            .Requires(CredentialScope.Manage).WithTags("Webhooks").WithSummary("List webhooks")
            .Produces<Page<WebhookView>>().AnswersProblems();
        routes.MapGet("/webhooks/{id}", (HttpContext context, WebhookEndpoints webhooks, string id) => webhooks.FindAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Webhooks").WithSummary("Show a webhook, and how it stands")
            .Produces<WebhookView>().AnswersProblems();
        routes.MapPut("/webhooks/{id}", (HttpContext context, WebhookEndpoints webhooks, string id) => webhooks.ChangeAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Webhooks").WithSummary("Change where a webhook leads, and what it is told of")
            .WithDescription("All of it at once: without events it is told of all. What waits goes to the new place.")
            .Reads<WebhookRequest>().Produces<WebhookView>().AnswersProblems();
        routes.MapDelete("/webhooks/{id}", (HttpContext context, WebhookEndpoints webhooks, string id) => webhooks.RemoveAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Webhooks").WithSummary("Remove a webhook, and what waits for it")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();
        routes.MapPost("/webhooks/{id}/rotate", (HttpContext context, WebhookEndpoints webhooks, string id) => webhooks.RotateAsync(context, id))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Webhooks").WithSummary("Make a new secret; it is shown this once")
            .WithDescription("For a day posts are signed with the one before, too.")
            .Produces<WebhookView>().AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapPost("/webhooks/{id}/test", (HttpContext context, WebhookEndpoints webhooks, string id) => webhooks.TestAsync(context, id))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Webhooks").WithSummary("Send an event of the type webhook.test")
            .WithDescription("It goes the way of all events; GET /webhooks/{id} tells whether it was taken, and what was said if not.")
            .Produces<TestView>(StatusCodes.Status202Accepted).AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapPost("/webhooks/{id}/replay", (HttpContext context, WebhookEndpoints webhooks, string id) => webhooks.ReplayAsync(context, id))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Webhooks").WithSummary("Send again what happened to a message, or to those accepted in a time")
            .WithDescription("As long as it is kept, seven days from the end of a message, and with the same ids as before. Of a time at most 10,000 messages at once, and no more than find room beside what waits; next says where to go on. 409 where there is no room for any.")
            .Reads<ReplayRequest>().Produces<ReplayView>(StatusCodes.Status202Accepted).AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapPost("/tokens/rotate", (HttpContext context, TokenEndpoint tokens) => tokens.RotateAsync(context))
            .RequiresAdmin().RunsOnce().WithTags("Incoming").WithSummary("Make the next key that return paths and links to unsubscribe are signed with")
            .WithDescription("It takes over in a few minutes, once every node knows it. What older keys signed stays good.")
            .Produces<TokenKeyView>(StatusCodes.Status201Created).AnswersProblems(StatusCodes.Status409Conflict);

        routes.MapPost("/keys", (HttpContext context, KeyEndpoints keys) => keys.CreateAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Keys").WithSummary("Make a key; it is shown this once")
            .Reads<KeyRequest>().Produces<KeyView>(StatusCodes.Status201Created).AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapGet("/keys", (HttpContext context, KeyEndpoints keys) => keys.ListAsync(context))
            .Requires(CredentialScope.Manage).WithTags("Keys").WithSummary("List keys")
            .Produces<Page<KeyView>>().AnswersProblems();
        routes.MapDelete("/keys/{id}", (HttpContext context, KeyEndpoints keys, string id) => keys.RevokeAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Keys").WithSummary("Revoke a key")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();

        routes.MapPut("/keys/{id}/limits", (HttpContext context, KeyEndpoints keys, string id) => keys.LimitAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Keys").WithSummary("Set what a key may send of what its account may")
            .WithDescription("All of it at once: what is left out is not limited.")
            .Reads<LimitsRequest>().Produces<KeyView>().AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapGet("/limits", (HttpContext context, LimitsEndpoint limits) => limits.ReadAsync(context))
            .RequiresKey().WithTags("Keys").WithSummary("Show what the account and the key may send, and have")
            .WithDescription("Quotas count recipients of accepted mail in days and months of UTC. What exceeds a rate waits in the queue, what exceeds a quota is refused.")
            .Produces<Page<LimitView>>().AnswersProblems();

        routes.MapPost("/accounts", (HttpContext context, AccountEndpoints accounts) => accounts.CreateAsync(context))
            .RequiresAdmin().RunsOnce().WithTags("Accounts").WithSummary("Make an account")
            .Reads<AccountRequest>().Produces<AccountView>(StatusCodes.Status201Created).AnswersProblems();
        routes.MapGet("/accounts", (HttpContext context, AccountEndpoints accounts) => accounts.ListAsync(context))
            .RequiresAdmin().WithTags("Accounts").WithSummary("List accounts")
            .Produces<Page<AccountView>>().AnswersProblems();
        routes.MapGet("/accounts/{id}", (HttpContext context, AccountEndpoints accounts, string id) => accounts.FindAsync(context, id))
            .RequiresAdmin().WithTags("Accounts").WithSummary("Show an account and its limits")
            .Produces<AccountView>().AnswersProblems();
        routes.MapPut("/accounts/{id}/limits", (HttpContext context, AccountEndpoints accounts, string id) => accounts.LimitAsync(context, id))
            .RequiresAdmin().WithTags("Accounts").WithSummary("Set what an account may send")
            .WithDescription("All of it at once: what is left out is not limited.")
            .Reads<LimitsRequest>().Produces<AccountView>().AnswersProblems();
        routes.MapDelete("/accounts/{id}/limits", (HttpContext context, AccountEndpoints accounts, string id) => accounts.UnlimitAsync(context, id))
            .RequiresAdmin().WithTags("Accounts").WithSummary("Let the limits of the configuration hold again")
            .Produces<AccountView>().AnswersProblems();

        routes.MapPost("/domains", (HttpContext context, DomainEndpoints domains) => domains.CreateAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Domains").WithSummary("Add a domain to send as")
            .Reads<DomainRequest>().Produces<DomainView>(StatusCodes.Status201Created).Produces<DomainView>().AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapGet("/domains", (HttpContext context, DomainEndpoints domains) => domains.ListAsync(context))
            .Requires(CredentialScope.Manage).WithTags("Domains").WithSummary("List domains")
            .Produces<Page<DomainView>>().AnswersProblems();
        routes.MapGet("/domains/{id}", (HttpContext context, DomainEndpoints domains, string id) => domains.FindAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Domains").WithSummary("Show a domain and the records it needs")
            .Produces<DomainView>().AnswersProblems();
        routes.MapPost("/domains/{id}/verify", (HttpContext context, DomainEndpoints domains, string id) => domains.VerifyAsync(context, id))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Domains").WithSummary("Look now whether the records are published")
            .Produces<DomainView>().AnswersProblems();
        routes.MapPost("/domains/{id}/rotate", (HttpContext context, DomainEndpoints domains, string id, string? revoke) => domains.RotateAsync(context, id, revoke))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Domains").WithSummary("Make the next DKIM keys")
            .WithDescription("They take over once their records are seen in the DNS; until then the present keys sign. With revoke=true the present keys sign nothing from now on.")
            .Produces<DomainView>().AnswersProblems();
        routes.MapGet("/domains/{id}/checklist", (HttpContext context, DomainEndpoints domains, string id) => domains.CheckAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Domains").WithSummary("Show how the domain stands against what large receivers ask")
            .Produces<ChecklistView>().AnswersProblems();
        routes.MapPut("/domains/{id}/subdomains", (HttpContext context, DomainEndpoints domains, string id) => domains.SetSubdomainsAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Domains").WithSummary("Say whether it covers what is below it")
            .Reads<SubdomainsRequest>().Produces<DomainView>().AnswersProblems();
        routes.MapDelete("/domains/{id}", (HttpContext context, DomainEndpoints domains, string id) => domains.RemoveAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Domains").WithSummary("Remove a domain")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();

        routes.MapPost("/senders", (HttpContext context, SenderEndpoints senders) => senders.CreateAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Senders").WithSummary("Add a single address to send as")
            .WithDescription("Where the domain is not yours to verify. A link is mailed to the address; once its owner has said yes on the page behind it, mail may be sent as it.")
            .Reads<SenderRequest>().Produces<SenderView>(StatusCodes.Status201Created).Produces<SenderView>().AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapGet("/senders", (HttpContext context, SenderEndpoints senders) => senders.ListAsync(context))
            .Requires(CredentialScope.Manage).WithTags("Senders").WithSummary("List single addresses")
            .Produces<Page<SenderView>>().AnswersProblems();
        routes.MapGet("/senders/{id}", (HttpContext context, SenderEndpoints senders, string id) => senders.FindAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Senders").WithSummary("Show a single address")
            .Produces<SenderView>().AnswersProblems();
        routes.MapPost("/senders/{id}/mail", (HttpContext context, SenderEndpoints senders, string id) => senders.MailAgainAsync(context, id))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Senders").WithSummary("Mail the link again; earlier ones are good no more")
            .Produces<SenderView>().AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapDelete("/senders/{id}", (HttpContext context, SenderEndpoints senders, string id) => senders.RemoveAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Senders").WithSummary("Send as an address no more")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();

        routes.MapPost("/templates", (HttpContext context, TemplateEndpoints templates) => templates.CreateAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce(TemplateEndpoints.MaxBody).WithTags("Templates").WithSummary("Make a template to write mail from")
            .WithDescription("In Handlebars: variables, if, unless, each, with, and a few helpers. A source that is none is refused with its line and column.")
            .Reads<TemplateRequest>().Produces<TemplateView>(StatusCodes.Status201Created).AnswersProblems();
        routes.MapGet("/templates", (HttpContext context, TemplateEndpoints templates, string? limit, string? cursor) => templates.ListAsync(context, limit, cursor))
            .Requires(CredentialScope.Read).WithTags("Templates").WithSummary("List templates, without their text and HTML")
            .Produces<Page<TemplateView>>().AnswersProblems();
        routes.MapGet("/templates/{id}", (HttpContext context, TemplateEndpoints templates, string id) => templates.FindAsync(context, id))
            .Requires(CredentialScope.Read).WithTags("Templates").WithSummary("Show a template")
            .Produces<TemplateView>().AnswersProblems();
        routes.MapPut("/templates/{id}", (HttpContext context, TemplateEndpoints templates, string id) => templates.ChangeAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Templates").WithSummary("Make the next version of a template")
            .WithDescription("All of it at once: what is left out is not in it. Mail that was accepted before stays as it was written then.")
            .Reads<TemplateRequest>().Produces<TemplateView>().AnswersProblems();
        routes.MapDelete("/templates/{id}", (HttpContext context, TemplateEndpoints templates, string id) => templates.RemoveAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Templates").WithSummary("Remove a template")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();
        routes.MapPost("/templates/{id}/preview", (HttpContext context, TemplateEndpoints templates, string id) => templates.PreviewAsync(context, id))
            .Requires(CredentialScope.Read).WithTags("Templates").WithSummary("Show how mail would be written with these variables; nothing is sent")
            // It changes nothing, so that it is done again: answers of megabytes would be kept for a day each.
            .WithMetadata(new TakesIdempotencyKey())
            .Reads<PreviewRequest>().Produces<RenderedView>().AnswersProblems();

        // For people with a browser and no key.
        routes.MapGet("/confirm", (HttpContext context, ConfirmationPage page, string? token) => page.ShowAsync(context, token)).ExcludeFromDescription();
        routes.MapPost("/confirm", (HttpContext context, ConfirmationPage page, string? token) => page.ConfirmAsync(context, token)).ExcludeFromDescription();

        routes.MapGet("/suppressions", (HttpContext context, SuppressionEndpoints suppressions, string? limit, string? cursor) => suppressions.ListAsync(context, limit, cursor))
            .Requires(CredentialScope.Read).WithTags("Suppressions").WithSummary("List addresses that nothing is sent to")
            .WithDescription("In no order; an address that is added meanwhile may be missing, one that is removed may still be there.")
            .Produces<Page<SuppressionView>>().AnswersProblems();
        routes.MapGet("/suppressions/export", (HttpContext context, SuppressionList list) => list.ExportAsync(context))
            .Requires(CredentialScope.Read).WithTags("Suppressions").WithSummary("All of them as comma-separated values")
            .Produces<string>(contentType: "text/csv").AnswersProblems();
        routes.MapGet("/suppressions/{email}", (HttpContext context, SuppressionEndpoints suppressions, string email) => suppressions.FindAsync(context, email))
            .Requires(CredentialScope.Read).WithTags("Suppressions").WithSummary("Show why an address is suppressed, or that it was released")
            .Produces<SuppressionView>().AnswersProblems();
        routes.MapPost("/suppressions", (HttpContext context, SuppressionEndpoints suppressions) => suppressions.CreateAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Suppressions").WithSummary("Send nothing to an address any more")
            .Reads<SuppressionRequest>().Produces<SuppressionView>(StatusCodes.Status201Created).Produces<SuppressionView>().AnswersProblems();
        routes.MapPost("/suppressions/import", (HttpContext context, SuppressionList list) => list.ImportAsync(context))
            .Requires(CredentialScope.Manage).RunsOnce(SuppressionList.MaxBody).WithTags("Suppressions").WithSummary("Add a list: lines of email,reason,since,words,stream")
            .WithDescription("The address alone is enough. A line that cannot be read is reported by its number, and the others are taken.")
            .Accepts<string>("text/csv", "*/*").Produces<ImportAnswer>().AnswersProblems(StatusCodes.Status413PayloadTooLarge);
        routes.MapDelete("/suppressions/{email}", (HttpContext context, SuppressionEndpoints suppressions, string email, string? stream) => suppressions.ReleaseAsync(context, email, stream))
            .Requires(CredentialScope.Manage).WithTags("Suppressions").WithSummary("Let mail go to an address again")
            .WithDescription("What holds for one stream is released by naming it: ?stream=news.")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();

        routes.MapGet("/unsubscribe/{token}", (UnsubscribeEndpoints unsubscribes, string token) => unsubscribes.Show(token))
            .WithTags("Unsubscribing").WithSummary("Show a button to unsubscribe; nothing else happens")
            .Produces<string>(contentType: "text/html").Produces<string>(StatusCodes.Status404NotFound, "text/html");
        routes.MapPost("/unsubscribe/{token}", (HttpContext context, UnsubscribeEndpoints unsubscribes, string token) => unsubscribes.TakeAsync(context, token))
            .WithTags("Unsubscribing").WithSummary("Unsubscribe whom a List-Unsubscribe link was written for (RFC 8058)")
            .WithDescription("Without a key: the token is enough. The body is the form List-Unsubscribe=One-Click.")
            .DisableAntiforgery()
            .Accepts<string>("application/x-www-form-urlencoded", "multipart/form-data")
            .Produces<string>(contentType: "text/html").Produces<string>(StatusCodes.Status400BadRequest, "text/html")
            .Produces<string>(StatusCodes.Status404NotFound, "text/html").Produces<string>(StatusCodes.Status503ServiceUnavailable, "text/html")
            .Answers([StatusCodes.Status415UnsupportedMediaType]);

        routes.MapGet("/stats", (HttpContext context, StatisticsEndpoint statistics, string? from, string? to) => statistics.ReadAsync(context, from, to))
            .Requires(CredentialScope.Read).WithTags("Statistics").WithSummary("Count events by day and kind")
            .Produces<Page<DayView>>().AnswersProblems();

        routes.MapGet("/queue", (HttpContext context, QueueEndpoint queue) => queue.MeasureAsync(context))
            .Requires(CredentialScope.Read).WithTags("Queue").WithSummary("Show what waits").WithDescription("Not with a test key.")
            .Produces<QueueView>().AnswersProblems();
        routes.MapGet("/queue/destinations/{domain}", (HttpContext context, DestinationEndpoint destinations, string domain) => destinations.ExamineAsync(context, domain))
            .RequiresAdmin().WithTags("Queue").WithSummary("Tell how mail to a domain would leave now")
            .WithDescription("Its hosts, and by whose word (route, DANE, MTA-STS) what has to be proved. Nothing is connected to but the policy's server.")
            .Produces<DestinationFindings>().AnswersProblems();
        routes.MapGet("/queue/nodes", (HttpContext context, NodesEndpoint nodes) => nodes.ListAsync(context))
            .RequiresAdmin().WithTags("Queue").WithSummary("Show the nodes that run on this store, and who owns which partitions")
            .Produces<NodesView>().AnswersProblems();
        routes.MapGet("/queue/sites", (HttpContext context, SitesEndpoint sites) => sites.ListAsync(context))
            .RequiresAdmin().WithTags("Queue").WithSummary("Show how many connections each receiver gets now, why, and until when")
            .Produces<Page<SiteView>>().AnswersProblems();
        routes.MapGet("/queue/lanes/{domain}/{account}/{class}", (HttpContext context, QueueEndpoint queue, string domain, string account, string @class, string? limit, string? cursor) =>
                queue.FindLaneAsync(context, domain, account, @class, limit, cursor))
            .Requires(CredentialScope.Read).WithTags("Queue").WithSummary("Show what waits in a lane, what is due first first").WithDescription("Not with a test key.")
            .Produces<LanePage>().AnswersProblems();
        routes.MapGet("/queue/messages/{id}", (HttpContext context, QueueEndpoint queue, string id) => queue.FindMessageAsync(context, id))
            .Requires(CredentialScope.Read).WithTags("Queue").WithSummary("Show what waits of a message")
            .Produces<Page<UnitView>>().AnswersProblems();
        routes.MapPost("/queue/suspensions", (HttpContext context, SuspensionEndpoints suspensions, string? preview) => suspensions.CreateAsync(context, preview))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Queue").WithSummary("Keep mail waiting")
            .WithDescription("Nothing of it starts any more; what is being sent ends. Its expiry goes on. With ?preview=true it is only said what it would concern.")
            .Reads<QueueRequest>().Produces<SuspensionView>(StatusCodes.Status201Created).Produces<PreviewView>().AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapGet("/queue/suspensions", (HttpContext context, SuspensionEndpoints suspensions) => suspensions.ListAsync(context))
            .Requires(CredentialScope.Read).WithTags("Queue").WithSummary("List suspensions")
            .Produces<Page<SuspensionView>>().AnswersProblems();
        routes.MapDelete("/queue/suspensions/{id}", (HttpContext context, SuspensionEndpoints suspensions, string id) => suspensions.RemoveAsync(context, id))
            .Requires(CredentialScope.Manage).WithTags("Queue").WithSummary("Let suspended mail go on")
            .Produces(StatusCodes.Status204NoContent).AnswersProblems();
        routes.MapPost("/queue/retry", (HttpContext context, AskEndpoints asks, string? preview) => asks.RetryAsync(context, preview))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Queue").WithSummary("Try now what was put off")
            .WithDescription("What is known against its hosts is forgotten, DNS answers included. Mail for later stays for later. ?preview=true only looks.")
            .Reads<QueueRequest>().Produces<AskView>().Produces<AskView>(StatusCodes.Status202Accepted).AnswersProblems(StatusCodes.Status409Conflict);
        routes.MapPost("/queue/bounce", (HttpContext context, AskEndpoints asks, string? preview) => asks.BounceAsync(context, preview))
            .Requires(CredentialScope.Manage).RunsOnce().WithTags("Queue").WithSummary("End mail as failed, with a report to its sender")
            .WithDescription("All that waits now; what comes later is not meant. ?preview=true only looks.")
            .Reads<QueueRequest>().Produces<AskView>().Produces<AskView>(StatusCodes.Status202Accepted)
            .AnswersProblems(StatusCodes.Status409Conflict);

        return routes;
    }

    // Any type is taken for JSON: curl calls it a form unless told otherwise, and a 415 would teach nobody anything.
    private static RouteHandlerBuilder Reads<T>(this RouteHandlerBuilder endpoint)
        where T : notnull => endpoint.Accepts<T>("application/json", "*/*").Answers(
            [StatusCodes.Status400BadRequest, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType]);

    // What the guard says of any call, such as 404 of an account that the admin key names and that is not there, and 422 of
    // whatever is in the address. Our tests fail on an answer that is not named here.
    private static RouteHandlerBuilder AnswersProblems(this RouteHandlerBuilder endpoint, params ReadOnlySpan<int> more) =>
        endpoint.Answers(
        [
            StatusCodes.Status401Unauthorized,
            StatusCodes.Status403Forbidden,
            StatusCodes.Status404NotFound,
            StatusCodes.Status422UnprocessableEntity,
            StatusCodes.Status429TooManyRequests,
            StatusCodes.Status503ServiceUnavailable,
        ]).Answers(more);

    private static RouteHandlerBuilder Answers(this RouteHandlerBuilder endpoint, ReadOnlySpan<int> problems)
    {
        foreach (var status in problems)
        {
            endpoint.Produces<Problem>(status, "application/problem+json");
        }

        return endpoint;
    }
}
