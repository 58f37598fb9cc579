using System.CommandLine;
using Relay.Host.Commands;

var relay = new RootCommand("Relay: a transactional mail relay of your own. Mail comes in by SMTP and HTTP, is kept durably, and goes out.")
{
    ServeCommand.Create(),
    SendCommand.Create(),
    MessageCommand.Create(),
    InboxCommand.Create(),
    QueueCommand.Create(),
    StoreCommand.Create(),
    AccountCommand.Create(),
    KeyCommand.Create(),
    LimitsCommand.Create(),
    DomainCommand.Create(),
    SenderCommand.Create(),
    SuppressionCommand.Create(),
    TemplateCommand.Create(),
    WebhookCommand.Create(),
    BounceCommand.Create(),
    RouteCommand.Create(),
    DoctorCommand.Create(),
}.Serves();

// A word that begins with @ is that word, such as a text for somebody's handle, and no file with more words.
var parsed = relay.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });

// The server stops in its own time on SIGTERM; the parser's two seconds would cut it short.
var exit = await parsed.InvokeAsync(new InvocationConfiguration
{
    ProcessTerminationTimeout = null,

    // How it is used is no answer where it was used wrongly: whoever reads a pipe reads the answer.
    Output = parsed.Errors.Count > 0 ? Console.Error : Console.Out,
});
return parsed.Errors.Count > 0 ? ExitCode.Usage : exit;
