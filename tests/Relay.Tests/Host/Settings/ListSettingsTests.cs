using System.Collections;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Delivery;
using Relay.Delivery.Sources;
using Relay.Host.Settings;
using Relay.Mail.Queue;
using Relay.Mail.Messages;

namespace Relay.Tests.Host.Settings;

/// <summary>The binder puts what is configured behind what a list holds already: a default in it could never be replaced.</summary>
public sealed class ListSettingsTests
{
    public static TheoryData<Type> Options => [.. RelaySettings.Bound.Select(bound => bound.Options)];

    [Theory]
    [MemberData(nameof(Options))]
    public void No_list_holds_anything_before_it_is_configured(Type options) => Assert.Empty(Filled(Activator.CreateInstance(options)!, options.Name));

    [Fact]
    public void The_plan_of_a_new_address_is_the_configured_one_or_the_usual_one()
    {
        Assert.Equal([10, 100], PlanOf(("WarmUp:0", "10"), ("WarmUp:1", "100")));
        Assert.Equal([1, 1, 2, 2, 4, 4, 8, 8, 15, 15, 30, 30, 50, 50], PlanOf());
    }

    // As far as connections are made by it.
    private static IReadOnlyList<int> PlanOf(params (string Name, string Value)[] settings)
    {
        const string Pool = "Relay:Delivery:Pools:0";
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([
            new($"{Pool}:Name", "new"),
            new($"{Pool}:Addresses:0:Address", "192.0.2.10"),
            new($"{Pool}:Addresses:0:WarmUpFrom", "2026-03-01"),
            .. settings.Select(setting => KeyValuePair.Create($"{Pool}:Addresses:0:{setting.Name}", (string?)setting.Value)),
        ]).Build();
        using var services = new ServiceCollection().AddRelayDelivery(configuration.GetSection("Relay")).BuildServiceProvider();
        var options = services.GetRequiredService<IOptions<DeliveryOptions>>();
        var plan = new Relay.Delivery.Routing.RoutePlan { Key = "mx.test", Hosts = [] };
        var pool = new SourcePools(options).PlanFor(plan, new Lane("there.test", "shop", MessageClass.Transactional)).Pool!;
        return [.. Enumerable.Range(0, 100)
            .Select(day => pool.Choose("mx.test", System.Net.Sockets.AddressFamily.InterNetwork, _ => false, new DateOnly(2026, 3, 1).AddDays(day), 0)!.PercentOn(new DateOnly(2026, 3, 1).AddDays(day)))
            .TakeWhile(percent => percent is not null)
            .Select(percent => percent!.Value)];
    }

    private static IEnumerable<string> Filled(object options, string path)
    {
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is { IsPublic: true }))
        {
            var name = $"{path}.{property.Name}";
            var value = property.GetValue(options);
            if (property.PropertyType != typeof(string) && value is IEnumerable list)
            {
                if (list.Cast<object>().Any())
                {
                    yield return name;
                }

                foreach (var inner in ItemOf(property.PropertyType) is { } item ? Filled(item, $"{name}[]") : [])
                {
                    yield return inner;
                }
            }
            else if (value is not null && IsSection(property.PropertyType))
            {
                foreach (var inner in Filled(value, name))
                {
                    yield return inner;
                }
            }
        }
    }

    private static object? ItemOf(Type list)
    {
        var item = list.IsArray ? list.GetElementType()! : list.GetGenericArguments()[^1];
        return IsSection(item) ? Activator.CreateInstance(item) : null;
    }

    private static bool IsSection(Type type) => type is { IsClass: true, Namespace: { } space } && space.StartsWith("Relay.", StringComparison.Ordinal);
}
