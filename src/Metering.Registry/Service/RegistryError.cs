using Microsoft.AspNetCore.Http;

namespace Metering.Registry.Service;

/// <summary>An answer that is not a success, with the code that Confluent's clients know.</summary>
internal sealed class RegistryError(int status, int code, string message) : Exception(message)
{
    public int Status { get; } = status;

    public int Code { get; } = code;

    public static RegistryError SubjectNotFound(string subject) => NotFound(40401, $"Subject '{subject}' not found.");

    public static RegistryError VersionNotFound(string version) => NotFound(40402, $"Version {version} not found.");

    public static RegistryError SchemaNotFound(string what) => NotFound(40403, $"{what} not found");

    public static RegistryError NoLevelOf(string subject) => NotFound(40408, $"Subject '{subject}' does not have subject-level compatibility configured");

    public static RegistryError InvalidSchema(string why) => Unprocessable(42201, $"Invalid schema: {why}");

    public static RegistryError InvalidVersion(string version) => Unprocessable(42202,
        $"The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"");

    public static RegistryError InvalidLevel() => Unprocessable(42203,
        "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive");

    public static RegistryError InvalidSubject(string why) => Unprocessable(42208, $"The specified subject is not valid: {why}");

    public static RegistryError Incompatible(string subject, IReadOnlyList<string> messages) => new(StatusCodes.Status409Conflict, 409,
        $"Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: {string.Join(" | ", messages)}");

    /// <summary>What HTTP itself has a word for: the code is the status.</summary>
    public static RegistryError Http(int status, string message) => new(status, status, message);

    private static RegistryError NotFound(int code, string message) => new(StatusCodes.Status404NotFound, code, message);

    private static RegistryError Unprocessable(int code, string message) => new(StatusCodes.Status422UnprocessableEntity, code, message);
}
