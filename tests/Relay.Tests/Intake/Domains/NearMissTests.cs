using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;

namespace Relay.Tests.Intake.Domains;

public sealed class NearMissTests
{
    private readonly ExaminedDomain _domain = new();

    private string Key => _domain.Record(RecordPurpose.Dkim).Value;

    [Fact]
    public async Task A_key_record_is_good_as_shown_and_in_any_form_that_means_the_same()
    {
        await _domain.With(RecordPurpose.Dkim, Key).IsGoodAsync(RecordPurpose.Dkim);
        await _domain.With(RecordPurpose.Dkim, Key.Replace("; ", ";", StringComparison.Ordinal) + ";").IsGoodAsync(RecordPurpose.Dkim);
        await _domain.With(RecordPurpose.Dkim, Key.Replace("v=DKIM1; k=rsa; ", "", StringComparison.Ordinal)).IsGoodAsync(RecordPurpose.Dkim);
        await _domain.With(RecordPurpose.Dkim, Key.Insert(300, " ")).IsGoodAsync(RecordPurpose.Dkim);
    }

    [Fact]
    public async Task Quotes_that_are_part_of_the_text_are_told() =>
        await _domain.With(RecordPurpose.Dkim, $"\"{Key[..255]}\" \"{Key[255..]}\"").IsWrongAsync(RecordPurpose.Dkim, "quotes or backslashes are part of its text");

    [Fact]
    public async Task A_text_in_two_records_instead_of_two_strings_is_told() =>
        await _domain.With(RecordPurpose.Dkim, Key[255..], Key[..255]).IsWrongAsync(RecordPurpose.Dkim, "separate TXT records");

    [Fact]
    public async Task A_text_with_a_space_where_its_strings_meet_is_told() =>
        await _domain.With(RecordPurpose.Ownership, "relay-verify=to ken").IsWrongAsync(RecordPurpose.Ownership, "split wrong");

    [Fact]
    public async Task A_key_that_was_cut_off_is_told() =>
        await _domain.With(RecordPurpose.Dkim, Key[..255]).IsWrongAsync(RecordPurpose.Dkim, "cut off");

    [Fact]
    public async Task A_key_under_the_selector_of_the_other_is_told() =>
        await _domain.With(RecordPurpose.Dkim, RecordList.TextOf(_domain.Domain.Keys[1]))
            .IsWrongAsync(RecordPurpose.Dkim, $"wrong selector: the value belongs to {_domain.Domain.Keys[1].Selector}");

    [Fact]
    public async Task Another_key_a_revoked_one_and_what_is_no_key_are_told_apart()
    {
        await _domain.With(RecordPurpose.Dkim, RecordList.TextOf(new ExaminedDomain().Domain.Keys[0])).IsWrongAsync(RecordPurpose.Dkim, "Another key");
        await _domain.With(RecordPurpose.Dkim, "v=DKIM1; p=").IsWrongAsync(RecordPurpose.Dkim, "revoked");
        await _domain.With(RecordPurpose.Dkim, "hello").IsWrongAsync(RecordPurpose.Dkim, "no key record");
        await _domain.With(RecordPurpose.Dkim, Key, "hello").IsWrongAsync(RecordPurpose.Dkim, "has 2 TXT records");
    }

    [Fact]
    public async Task Tags_that_weaken_a_key_are_told()
    {
        await _domain.With(RecordPurpose.Dkim, Key.Replace("k=rsa", "k=ed25519", StringComparison.Ordinal)).IsWrongAsync(RecordPurpose.Dkim, "k=rsa");
        await _domain.With(RecordPurpose.Dkim, Key + "; h=sha1").IsWrongAsync(RecordPurpose.Dkim, "sha256");
        await _domain.With(RecordPurpose.Dkim, Key + "; t=y").IsGoodAsync(RecordPurpose.Dkim, "t=y");
    }

    [Fact]
    public async Task A_name_to_which_the_provider_added_the_domain_is_found()
    {
        var record = _domain.Record(RecordPurpose.Dkim);
        _domain.Records[$"{record.Name}.{ExaminedDomain.Name}"] = [record.Value];

        await _domain.IsWrongAsync(RecordPurpose.Dkim, $"Enter the name without .{ExaminedDomain.Name}");
    }

    [Fact]
    public async Task An_alias_in_the_way_is_told_and_one_that_leads_to_the_record_is_good()
    {
        var record = _domain.Record(RecordPurpose.Dkim);
        _domain.Records.Alias(record.Name, "parking.test");
        await _domain.IsWrongAsync(RecordPurpose.Dkim, "A CNAME is in the way");

        _domain.Records["parking.test"] = [record.Value];
        await _domain.IsGoodAsync(RecordPurpose.Dkim);
    }

    [Fact]
    public async Task A_server_that_is_silent_says_nothing_about_the_record()
    {
        _domain.Records[_domain.Record(RecordPurpose.Dmarc).Name] = null;

        Assert.Equal(RecordState.Unknown, (await _domain.FindAsync(RecordPurpose.Dmarc)).State);
    }

    [Fact]
    public async Task A_zone_that_keeps_us_waiting_is_given_up()
    {
        _domain.Records.Silence = new TaskCompletionSource();

        var looking = _domain.FindAsync(RecordPurpose.Dkim);
        _domain.Time.Advance(TimeSpan.FromSeconds(21));

        Assert.Equal(RecordState.Unknown, (await looking).State);
    }

    [Fact]
    public async Task What_a_zone_says_cannot_break_a_line() =>
        await _domain.With(RecordPurpose.Spf, "v=spf1 a\nb\u001b[2J -all").IsWrongAsync(RecordPurpose.Spf, "a?b?[2J is no term");

    [Fact]
    public async Task A_return_path_leads_here_alone()
    {
        var name = _domain.Record(RecordPurpose.ReturnPath).Name;
        _domain.Records.Put(name, RecordType.Mx, $"10 {ExaminedDomain.Host}");
        await _domain.IsGoodAsync(RecordPurpose.ReturnPath);

        _domain.Records.Put(name, RecordType.Mx, $"10 {ExaminedDomain.Host}", "20 other.test");
        await _domain.IsWrongAsync(RecordPurpose.ReturnPath, "should lead to mx.relay.test alone");
    }
}
