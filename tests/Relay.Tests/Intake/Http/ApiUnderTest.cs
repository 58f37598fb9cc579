using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Feedback.Lists;
using Relay.Host.Serving;
using Relay.Intake;
using Relay.Intake.Admission;
using Relay.Intake.Http;
using Relay.Intake.Http.Description;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Events;
using Relay.Mail.Inbox;
using Relay.Mail.Incoming;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Mail.Suppressions;
using Relay.Mail.Templates;
using Relay.Mail.Tokens;
using Relay.Mail.Webhooks;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Intake.Http;

/// <summary>The API on a port of its own, its stores in memory, spoken to as a client speaks.</summary>
internal sealed class ApiUnderTest : IAsyncDisposable
{
    public const string AdminKey = "the key of the one who runs it";

    private readonly WebApplication _app;
    private readonly ConcurrentQueue<string> _undescribed;

    private ApiUnderTest(WebApplication app, ApiUnderTestStores stores, ConcurrentQueue<string> undescribed)
    {
        _app = app;
        _undescribed = undescribed;
        Stores = stores;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()), Timeout = TimeSpan.FromSeconds(60) };
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public HttpClient Client { get; }
    public ApiUnderTestStores Stores { get; }

    /// <summary>A key of the account <c>shop</c>, which has verified <c>shop.test</c>.</summary>
    public string Key { get; private set; } = "";

    public static async Task<ApiUnderTest> StartAsync(params (string Name, string Value)[] settings)
    {
        var stores = new ApiUnderTestStores();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection([
            new("Relay:Bootstrap:AdminKey", AdminKey),
            .. settings.Select(setting => KeyValuePair.Create($"Relay:{setting.Name}", (string?)setting.Value)),
        ]);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        stores.AddTo(builder.Services);
        builder.Services.Configure<RelayOptions>(builder.Configuration.GetSection(RelayOptions.Section));
        builder.Services.AddRelayIntake(builder.Configuration.GetSection("Relay"));
        builder.Services.AddRelayDocumentation();

        var app = builder.Build();
        var undescribed = new ConcurrentQueue<string>();
        app.Use((context, next) =>
        {
            context.Response.OnStarting(() =>
            {
                Look(context, undescribed);
                return Task.CompletedTask;
            });
            return next(context);
        });
        app.UseRelayProblems();
        app.MapRelayApi();
        app.MapGet("/broken", string () => throw new InvalidOperationException("the password of the store is s3cret")).ExcludeFromDescription();
        app.MapRelayDocumentation();
        await app.StartAsync(Cancellation);

        var api = new ApiUnderTest(app, stores, undescribed);
        api.Key = await api.KeyAsync("shop");
        await stores.Accounts.PutDomainAsync(
            new SendingDomain("dom_1", "shop", "shop.test", "token", SendingDomainStatus.Verified, stores.Time.GetUtcNow(), null), Cancellation);
        return api;
    }

    /// <summary>Makes an account with a key.</summary>
    public async Task<string> KeyAsync(string account, MessageMode mode = MessageMode.Live, params CredentialScope[] scopes)
    {
        var key = ApiKey.Create(mode);
        var credential = new Credential
        {
            Id = $"key_{Guid.NewGuid():n}",
            Account = account,
            Name = "test",
            KeyHash = ApiKey.Hash(key),
            Mode = mode,
            CreatedAt = Stores.Time.GetUtcNow(),
        };
        await Stores.Accounts.TryAddAccountAsync(new Account(account, account, Stores.Time.GetUtcNow()), Cancellation);
        await Stores.Accounts.PutCredentialAsync(scopes.Length == 0 ? credential : credential with { Scopes = scopes }, Cancellation);
        return key;
    }

    public Task<ApiAnswer> GetAsync(string path, string? key = null, params (string Name, string Value)[] headers) =>
        CallAsync(HttpMethod.Get, path, null, key, headers);

    public Task<ApiAnswer> DeleteAsync(string path, string? key = null) => CallAsync(HttpMethod.Delete, path, null, key, []);

    public Task<ApiAnswer> PutAsync(string path, string json, string? key = null) =>
        CallAsync(HttpMethod.Put, path, new StringContent(json, Encoding.UTF8, "application/json"), key, []);

    public Task<ApiAnswer> PostAsync(string path, string json, string? key = null, params (string Name, string Value)[] headers) =>
        CallAsync(HttpMethod.Post, path, new StringContent(json, Encoding.UTF8, "application/json"), key, headers);

    public Task<ApiAnswer> SendAsync(string json, params (string Name, string Value)[] headers) => PostAsync("/send", json, null, headers);

    /// <summary>Sends what a shop sends, with these members added or changed.</summary>
    public Task<ApiAnswer> SendWithAsync(params (string Name, object? Value)[] members)
    {
        var letter = new Dictionary<string, object?> { ["from"] = "Shop <orders@shop.test>", ["to"] = "a@there.test", ["subject"] = "Hi", ["text"] = "text" };
        foreach (var (name, value) in members)
        {
            letter[name] = value;
        }

        return SendAsync(JsonSerializer.Serialize(letter));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }

    /// <summary>Calls as another program would that knows only the description.</summary>
    public Task<ApiAnswer> CallAsync(HttpMethod method, string path, string? json, string key) =>
        CallAsync(method, path, json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"), key, []);

    // Every answer that any test gets has to be one of those that the description names for its route.
    private static void Look(HttpContext context, ConcurrentQueue<string> undescribed)
    {
        var (endpoint, status) = (context.GetEndpoint() as RouteEndpoint, context.Response.StatusCode);
        if (endpoint?.Metadata.GetMetadata<NeedsKey>() is not null
            && !endpoint.Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>().Any(answer => answer.StatusCode == status))
        {
            undescribed.Enqueue($"{context.Request.Method} {endpoint.RoutePattern.RawText} answers {status}, which its description does not say");
        }
    }

    private async Task<ApiAnswer> CallAsync(
        HttpMethod method, string path, HttpContent? content, string? key, IEnumerable<(string Name, string Value)> headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key ?? Key);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await Client.SendAsync(request, Cancellation);
        var body = await response.Content.ReadAsByteArrayAsync(Cancellation);
        Assert.Empty(_undescribed);
        return new ApiAnswer(response.StatusCode, response.Content.Headers.ContentType?.MediaType, body)
        {
            Headers = response.Headers.ToDictionary(header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase),
        };
    }
}

internal sealed record ApiAnswer(HttpStatusCode Status, string? ContentType, byte[] Body)
{
    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string String(string name) => Json.GetProperty(name).GetString() ?? "";

    /// <summary>It is a problem of this status that names this field.</summary>
    public ApiAnswer Names(HttpStatusCode status, string field, string words = "")
    {
        IsProblem(status);
        Assert.True(Json.TryGetProperty("errors", out var errors), Text);
        Assert.True(errors.TryGetProperty(field, out var texts), $"{field} is not in {errors}");
        Assert.Contains(words, texts[0].GetString(), StringComparison.Ordinal);
        return this;
    }

    /// <summary>It is a problem of this status (RFC 9457) that tells nothing of our insides.</summary>
    public ApiAnswer IsProblem(HttpStatusCode status)
    {
        Assert.True(status == Status, $"{Status}: {Text}");
        Assert.Equal("application/problem+json", ContentType);
        Assert.Equal((int)status, Json.GetProperty("status").GetInt32());
        Assert.NotEmpty(String("title"));
        Assert.NotEmpty(String("detail"));
        Assert.DoesNotContain("Relay.Intake", Text, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", Text, StringComparison.Ordinal);
        return this;
    }
}

internal sealed class ApiUnderTestStores
{
    public ApiUnderTestStores()
    {
        Queue = new InMemoryMailQueue(Time);
        Answers = new InMemoryAnswerStore(Time);
        Inbox = new InMemoryInbox(Contents, Time);
        Incoming = new InMemoryIncomingStore(Queue);
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    public InMemoryAccountStore Accounts { get; } = new();
    public InMemorySenderStore Senders { get; } = new();
    public InMemoryTemplateStore Templates { get; } = new();
    public InMemoryAnswerStore Answers { get; }
    public InMemoryContentStore Contents { get; } = new();
    public InMemoryMailQueue Queue { get; }
    public InMemoryInbox Inbox { get; }
    public InMemoryIncomingStore Incoming { get; }
    public InMemoryTranscripts Transcripts { get; } = new();
    public InMemoryNodes Nodes { get; } = new();
    public InMemorySuppressionStore Suppressions { get; } = new();
    public MailTokens Tokens => field ??= KnownTokens.Create(Time);

    public InMemoryWebhooks Webhooks => field ??= new(Time);

    /// <summary>What other nodes put up.</summary>
    public InMemorySiteBoard Board => field ??= new(Time);

    /// <summary>What the DNS holds.</summary>
    public InMemoryDomainRecords Records { get; } = new();

    public void AddTo(IServiceCollection services)
    {
        services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton<IAccountStore>(Accounts);
        services.AddSingleton<ISenderStore>(Senders);
        services.AddSingleton<ITemplateStore>(Templates);
        services.AddSingleton<IAnswerStore>(Answers);
        services.AddSingleton<IUsageReader>(Queue);
        services.AddSingleton<IContentStore>(Contents);
        services.AddSingleton<IMailQueue>(Queue);
        services.AddSingleton<IQueueReader>(Queue);
        services.AddSingleton<INodeReader>(Nodes);
        services.AddSingleton(Board.Join());
        services.AddSingleton<IQueueAdministration>(Queue);
        services.AddSingleton<ISuspensions>(Queue.Suspensions);
        services.AddSingleton<IActivityReader>(Queue.Activity);
        services.AddSingleton<IStatisticsReader>(Queue.Activity);
        services.AddSingleton<IInbox>(Inbox);
        services.AddSingleton<IIncomingStore>(Incoming);
        services.AddSingleton<ITokenKeyStore>(new InMemoryTokenKeyStore());
        services.AddSingleton<IInboundRouteStore>(new InMemoryInboundRouteStore());
        services.AddSingleton<IWebhookStore>(Webhooks);
        services.AddSingleton<IWebhookTraffic>(Webhooks);
        services.AddSingleton<ITranscriptStore>(Transcripts);
        services.AddSingleton<IDomainRecords>(Records);
        services.AddSingleton<ISuppressionStore>(Suppressions);
        services.AddSingleton(Tokens);
        services.AddSingleton<IUnsubscribes>(new Unsubscribes(new OptOuts(Suppressions, Incoming), Incoming, Time));
        services.AddSingleton(provider => new ListFields(Tokens, provider.GetRequiredService<IOptions<HttpOptions>>().Value.PublicUrl is { } url ? new Uri(url) : null, new ListOptions()));
    }
}
