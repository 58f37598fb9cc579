using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Relay.Host.Settings;

/// <summary>The text is an IPv4 or IPv6 address.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class IpAddressAttribute : ValidationAttribute
{
    public const string Words = "an IP address, such as 127.0.0.1, 0.0.0.0 or ::";

    public IpAddressAttribute() => ErrorMessage = Words;

    public override bool IsValid(object? value) => value is null or "" || IPAddress.TryParse(value as string, out _);
}
