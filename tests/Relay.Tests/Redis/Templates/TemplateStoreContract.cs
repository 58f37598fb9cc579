using Relay.Mail.Templates;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Redis.Templates;

public abstract class TemplateStoreContract : StoreContract<ITemplateStore>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddDays(20_000);

    private static readonly MailTemplate Welcome = new()
    {
        Id = "tmpl_1",
        Account = "acme",
        Name = "Welcome",
        Version = 1,
        Subject = "Hello {{name}}",
        Text = "Grüße,\r\n{{name}} \0 \ud83d\ude00",
        Html = "<p>{{name}}</p>",
        IsStrict = true,
        CreatedAt = Now,
        ChangedAt = Now.AddDays(1),
        By = "key_1",
    };

    [Fact]
    public async Task A_template_is_added_once_and_keeps_all_it_says()
    {
        Assert.True(await Store.TryAddAsync(Welcome, Cancellation));
        Assert.False(await Store.TryAddAsync(Welcome with { Name = "another" }, Cancellation));

        Assert.Equal(Welcome, await Store.FindAsync("acme", "tmpl_1", Cancellation));
        Assert.Equal(1, await Store.CountAsync("acme", Cancellation));
    }

    [Fact]
    public async Task A_list_is_read_in_pages()
    {
        foreach (var i in new[] { 3, 1, 5, 2, 4 })
        {
            await Store.TryAddAsync(Welcome with { Id = $"tmpl_{i}" }, Cancellation);
        }

        var first = await Store.ListAsync("acme", null, 2, Cancellation);
        var second = await Store.ListAsync("acme", first.Next, 2, Cancellation);
        var third = await Store.ListAsync("acme", second.Next, 2, Cancellation);

        Assert.Equal(["tmpl_1", "tmpl_2"], first.Templates.Select(template => template.Id));
        Assert.Equal(["tmpl_3", "tmpl_4"], second.Templates.Select(template => template.Id));
        Assert.Equal(["tmpl_5"], third.Templates.Select(template => template.Id));
        Assert.Null(third.Next);
        Assert.Null((await Store.ListAsync("acme", null, 5, Cancellation)).Next);
        Assert.Empty((await Store.ListAsync("nobody", null, 5, Cancellation)).Templates);
    }

    [Fact]
    public async Task A_page_of_many_is_whole_and_leaves_texts_out()
    {
        string[] ids = [.. Enumerable.Range(10, 13).Select(i => $"tmpl_{i}")];
        foreach (var id in ids)
        {
            await Store.TryAddAsync(Welcome with { Id = id }, Cancellation);
        }

        var page = await Store.ListAsync("acme", null, 12, Cancellation);

        Assert.Equal(ids.Take(12).Select(id => Welcome with { Id = id, Text = null, Html = null }), page.Templates);
        Assert.Equal("tmpl_21", page.Next);
    }

    [Fact]
    public async Task Nothing_of_one_account_is_anothers()
    {
        await Store.TryAddAsync(Welcome, Cancellation);

        Assert.Null(await Store.FindAsync("other", "tmpl_1", Cancellation));
        Assert.Empty((await Store.ListAsync("other", null, 10, Cancellation)).Templates);
        Assert.Equal(0, await Store.CountAsync("other", Cancellation));
        Assert.Null(await Store.ChangeAsync("other", "tmpl_1", known => known with { Name = "mine" }, Cancellation));
        Assert.False(await Store.RemoveAsync("other", "tmpl_1", Cancellation));
        Assert.Equal(Welcome, await Store.FindAsync("acme", "tmpl_1", Cancellation));
    }

    [Fact]
    public async Task Changes_at_once_each_make_a_version()
    {
        await Store.TryAddAsync(Welcome, Cancellation);

        var changed = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Store.ChangeAsync(
            "acme", "tmpl_1", known => known with { Version = known.Version + 1 }, Cancellation).AsTask()));

        Assert.Equal(Enumerable.Range(2, 8), changed.Select(template => template!.Version).Order());
        Assert.Equal(9, (await Store.FindAsync("acme", "tmpl_1", Cancellation))!.Version);
    }

    [Fact]
    public async Task What_is_removed_is_gone_and_is_not_changed_back()
    {
        await Store.TryAddAsync(Welcome, Cancellation);

        Assert.True(await Store.RemoveAsync("acme", "tmpl_1", Cancellation));
        Assert.False(await Store.RemoveAsync("acme", "tmpl_1", Cancellation));
        Assert.Null(await Store.ChangeAsync("acme", "tmpl_1", known => known, Cancellation));
        Assert.Null(await Store.FindAsync("acme", "tmpl_1", Cancellation));
    }
}

public sealed class InMemoryTemplateStoreTests : TemplateStoreContract
{
    protected override ValueTask<ITemplateStore> OpenAsync() => new(new InMemoryTemplateStore());
}

public sealed class EmbeddedTemplateStoreTests : TemplateStoreContract
{
    protected override ValueTask<ITemplateStore> OpenAsync() => OpenEmbeddedAsync();
}

public sealed class RedisTemplateStoreTests : TemplateStoreContract
{
    protected override ValueTask<ITemplateStore> OpenAsync() => OpenOnRedisAsync();
}
