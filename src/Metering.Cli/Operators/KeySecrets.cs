using System.Buffers.Text;
using System.Security.Cryptography;
using Metering.Cli.Commands;
using Metering.Core.Keys;

namespace Metering.Cli.Operators;

/// <summary>Secrets of keys: made here, or brought in a file.</summary>
internal static class KeySecrets
{
    private const string Prefix = "mk-";
    private const int RandomBytes = 32;
    private const int IdBytes = 9;
    private const int MinLength = 20;

    /// <summary>256 random bits.</summary>
    public static string Make() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));

    /// <summary>An id that no other key has.</summary>
    public static string MakeId() => "k_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));

    /// <summary>The secret in a file, without what ends its line.</summary>
    /// <exception cref="CommandFailedException">The file cannot be read, or holds no secret.</exception>
    public static string Read(string path)
    {
        try
        {
            var file = new FileInfo(path);
            var text = file.Length > 4 * KeyBook.MaxSecretBytes ? throw NoSecret(path) : File.ReadAllText(path).TrimEnd('\r', '\n');
            return text.Length is >= MinLength and <= KeyBook.MaxSecretBytes && text.All(static c => c is > ' ' and < '\x7f') ? text : throw NoSecret(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"--secret-file {path} cannot be read: {error.Message}", error);
        }
    }

    // It is never printed.
    private static CommandFailedException NoSecret(string path) =>
        new($"--secret-file {path} holds no secret: give one of {MinLength} to {KeyBook.MaxSecretBytes} visible ASCII characters without spaces, on one line");
}
