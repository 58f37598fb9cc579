using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Relay.Host.Certificates;

/// <summary>The certificate of our own doors: <c>Relay:Tls</c>.</summary>
public sealed class TlsOptions : IValidatableObject
{
    public const string Section = "Tls";

    /// <summary>A PEM file: our certificate first, then its chain.</summary>
    // None: a self-signed one is made and kept, so that STARTTLS works from the first start.
    public string? Certificate { get; set; }

    /// <summary>A PEM file with the private key; may be the same file.</summary>
    public string? Key { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (string.IsNullOrEmpty(Certificate) != string.IsNullOrEmpty(Key))
        {
            yield return new ValidationResult("Certificate and Key go together: set both, or neither.");
        }
    }
}

[OptionsValidator]
internal sealed partial class TlsOptionsValidator : IValidateOptions<TlsOptions>;
